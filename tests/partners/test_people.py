"""People who sign in: what opens an account, how long it stays open, and what shuts it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import Connection, select

from partners.keyring import Keyring
from partners.people import accounts, one_time, passwords, saved_searches, sessions, signing_in
from partners.people.accounts import INVITATION_LASTS, Credentials, Person
from partners.people.saved_searches import MOST, NoRoomError
from partners.people.sessions import IDLE, LASTS
from partners.people.signing_in import MOST_WRONG_CODES, Proof
from partners.postgres.database import Database
from partners.tables.consent import person
from partners.vocabulary import PartnerKind, Reason
from tests.conftest import SECRET
from tests.factories import add_partner

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SECOND, STEP = timedelta(seconds=1), timedelta(seconds=one_time.STEP_S)
PASSWORD, FACTOR = "a parrot reads the meter", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
KEYRING = Keyring(SECRET)


@pytest.fixture
def connection(module_db: Database) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with module_db.write.connect() as opened:
        add_partner(opened, "w1")
        yield opened


def choose(step: int = 0) -> Credentials:
    return Credentials(HASH, KEYRING.seal(FACTOR.encode()), step)


def add(connection: Connection, name: str = "anna", *, partner: str = "w1", step: int = 0) -> Person:
    """Somebody who has taken the invitation up."""
    invitation = accounts.add(connection, partner, name, now=NOW)
    assert accounts.set_up(connection, invitation.token, choose(step), now=NOW)
    return accounts.get(connection, name)


def sign_in(connection: Connection, name: str = "anna", *, now: datetime = NOW, code: str | None = None) -> bool:
    """Whether the right password and a code, usually the right one, let somebody in."""
    proof = Proof(name, PASSWORD, one_time.code_at(FACTOR, now) if code is None else code)
    return signing_in.attempt(connection, proof, KEYRING.unseal, now=now).refused is None


def test_an_invitation_is_taken_up_in_its_time_or_never(connection: Connection) -> None:
    late, early = (accounts.add(connection, "w1", name, now=NOW).token for name in ("late", "early"))
    end = NOW + INVITATION_LASTS

    assert not accounts.set_up(connection, late, choose(), now=end)
    assert accounts.set_up(connection, early, choose(), now=end - SECOND)
    assert not accounts.set_up(connection, early, choose(), now=end - SECOND)
    assert not accounts.get(connection, "late").is_set_up


def test_the_code_that_proved_the_app_signs_nobody_in(connection: Connection) -> None:
    add(connection, step=int(NOW.timestamp()) // one_time.STEP_S)

    assert not sign_in(connection)
    assert sign_in(connection, now=NOW + STEP)


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_of_the_step_before_or_after_fits_and_no_other(steps: int, *, fits: bool) -> None:
    code = one_time.code_at(FACTOR, NOW + steps * STEP)

    assert (one_time.step_of(FACTOR, code, NOW) is not None) is fits


def test_wrong_codes_are_forgotten_with_a_right_one_and_with_a_new_invitation(connection: Connection) -> None:
    add(connection)

    def mistype() -> None:
        for _ in range(MOST_WRONG_CODES - 1):
            assert not sign_in(connection, code="000000")

    mistype()
    assert sign_in(connection)
    mistype()
    assert sign_in(connection, now=NOW + STEP)
    mistype()
    token = accounts.invite(connection, "anna", now=NOW).token
    assert accounts.set_up(connection, token, choose(), now=NOW)
    mistype()
    assert sign_in(connection)


def test_another_invitation_voids_password_factor_and_sessions_at_once(connection: Connection) -> None:
    session = sessions.begin(connection, add(connection), now=NOW)

    accounts.invite(connection, "anna", now=NOW)

    columns = person.c["password_hash", "sealed_factor"]
    assert tuple(connection.execute(select(*columns).where(person.c.name == "anna")).one()) == (None, None)
    assert sessions.find(connection, session, now=NOW) is None
    assert not sign_in(connection)


def test_who_is_resumed_signs_in_anew(connection: Connection) -> None:
    session = sessions.begin(connection, add(connection), now=NOW)
    accounts.suspend(connection, "anna")
    accounts.resume(connection, "anna")

    assert sessions.find(connection, session, now=NOW) is None
    assert sign_in(connection)


def test_a_session_lasts_half_an_hour_from_each_click_and_eight_hours_at_most(connection: Connection) -> None:
    somebody = add(connection)
    used, unused = (sessions.begin(connection, somebody, now=NOW) for _ in range(2))

    assert (timedelta(minutes=30), timedelta(hours=8)) == (IDLE, LASTS)
    assert sessions.find(connection, unused, now=NOW + IDLE) is None
    for clicks in range(1, 17):
        at = NOW + clicks * (IDLE - SECOND)
        assert sessions.find(connection, used, now=at) == somebody, at
    assert sessions.find(connection, used, now=NOW + LASTS - SECOND) == somebody
    assert sessions.find(connection, used, now=NOW + LASTS) is None


def test_the_people_of_a_partner_are_its_own(connection: Connection) -> None:
    add_partner(connection, "w2")
    anna, ben = add(connection), add(connection, "ben", partner="w2")

    assert [accounts.every(connection, of) for of in ("w1", "w2", None)] == [[anna], [ben], [anna, ben]]


def test_a_name_that_nobody_has_costs_as_many_hashes_as_one_that_somebody_has(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(connection)
    invited = accounts.add(connection, "w1", "invited", now=NOW).person.name
    looked_at: list[str] = []

    def verify(stored: str, _: str) -> bool:
        looked_at.append(stored)
        return True

    monkeypatch.setattr(passwords, "_HASHER", SimpleNamespace(verify=verify))
    tried = [
        signing_in.attempt(connection, Proof(name, PASSWORD, ""), KEYRING.unseal, now=NOW).refused
        for name in ("anna", invited, "nobody", "no name at all")
    ]

    assert tried == [Reason.INVALID_TOKEN, Reason.INVALID_TOKEN, Reason.UNKNOWN, Reason.UNKNOWN]
    assert (len(looked_at), looked_at[0]) == (4, HASH)


def test_a_hash_is_slow_and_of_nobody_s_as_slow() -> None:
    stored = extract_parameters(passwords.hash_of(PASSWORD))

    assert (stored.type.name, stored.memory_cost, stored.time_cost) == ("ID", 19_456, 2)
    assert extract_parameters(passwords._NOBODYS) == stored  # noqa: SLF001


@pytest.mark.parametrize(
    ("password", "is_fit"),
    [
        ("abcdef" * 2, True),
        ("abcdef" * 2 + "x", True),
        ("abcde" * 3, False),
        ("abcdefghijk", False),
        ("abcdefghij" * 20, True),
        ("abcdefghij" * 20 + "k", False),
        ("for Anna alone", False),
    ],
)
def test_a_password_is_long_and_varied_and_without_the_name(password: str, *, is_fit: bool) -> None:
    assert (passwords.fault_of(password, "anna") is None) is is_fit


def test_saved_searches_are_of_one_auditor_s_people(connection: Connection) -> None:
    for partner in ("a1", "a2"):
        add_partner(connection, partner, PartnerKind.AUDITOR)
    ada, bob = (add(connection, name, partner=of) for name, of in (("ada", "a1"), ("bob", "a2")))
    saved_searches.save(connection, ada, "Denials", "outcome:denied")
    saved_searches.save(connection, bob, "Denials", "outcome:limited")
    (of_ada,), (of_bob,) = (saved_searches.saved_for(connection, each) for each in (ada, bob))

    assert (of_ada.query, of_ada.saved_by, of_bob.query) == ("outcome:denied", "ada", "outcome:limited")
    assert not saved_searches.forget(connection, bob, of_ada.number)
    assert saved_searches.saved_for(connection, ada) == [of_ada]


def test_two_hundred_searches_are_kept_and_one_more_is_not(connection: Connection) -> None:
    add_partner(connection, "a1", PartnerKind.AUDITOR)
    ada = add(connection, "ada", partner="a1")
    for number in range(MOST):
        saved_searches.save(connection, ada, f"{number}", "outcome:denied")

    saved_searches.save(connection, ada, "7", "outcome:limited")
    with pytest.raises(NoRoomError):
        saved_searches.save(connection, ada, "another", "outcome:denied")
