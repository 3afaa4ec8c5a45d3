"""Members' requests move only where the rules let them, and bind what they say from their verification on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from partners.keyring import Keyring
from partners.members import NoSuchMemberError
from partners.postgres.database import Database
from partners.rights.decisions import Replay, Replayed, members_by_digest
from partners.rights.journal import Journal
from partners.rights.requests import Asked, Desk, Handled, NoSuchRequestError
from partners.rights.steps import RightsConflictError, Step
from partners.tables.member import member
from partners.tables.rights import rights_request
from partners.vocabulary import Reason, RequestAction, RequestStatus, RequestType, Via
from tests.conftest import NOW
from tests.factories import add_member, dump

VERIFY, SETTLE, NOTIFY = (Step(action) for action in (RequestAction.VERIFY, RequestAction.SETTLE, RequestAction.NOTIFY))
REFUSE = Step(RequestAction.REFUSE, "manifestly unfounded")
EXTEND = Step(RequestAction.EXTEND, "many requests at once")


class Front:
    """A desk within one transaction, in the words of these tests."""

    def __init__(self, connection: Connection, journal: Journal, member_id: str = "m1") -> None:
        self.connection = connection
        self.desk = Desk(connection, journal.keyring, member_id, journal)

    def enter(self, kind: RequestType, **asked: Any) -> Handled:
        return self.desk.enter(Asked(type=kind, **{"received_at": NOW} | asked), now=NOW)

    def move(self, request: Handled, *steps: Step) -> Handled:
        for step in steps:
            request = self.desk.move(request.request.id, step, now=NOW)
        return request

    def state(self) -> tuple[bool, bool, bool]:
        states = (member.c.restricted, member.c.objecting, member.c.erased)
        return tuple(self.connection.execute(select(*states).where(member.c.id == self.desk.member_id)).one())  # type: ignore[return-value]


@pytest.fixture
def journal(tmp_path: Path, keyring: Keyring) -> Journal:
    return Journal(tmp_path, keyring)


@pytest.fixture
def front(db: Database, journal: Journal) -> Any:
    with db.write.begin() as connection:
        add_member(connection)
        yield Front(connection, journal)


def test_a_request_is_received_due_in_a_month_and_kept_as_it_was_told(front: Front) -> None:
    received_at = datetime(2026, 10, 31, 8, tzinfo=UTC)
    entered = front.enter(
        RequestType.ACCESS,
        received_at=received_at,
        via=Via.AGENT,
        authorization="signed letter",
        reason="curious",
        purpose="promotion",
    )

    (kept,), number = front.desk.read()
    assert kept == entered.request
    assert number == entered.member
    assert (kept.status, kept.due_at) == (RequestStatus.RECEIVED, datetime(2026, 11, 30, 8, tzinfo=UTC))
    assert (kept.authorization, kept.reason, kept.purpose) == ("signed letter", "curious", "promotion")


def test_free_text_about_a_request_is_not_readable_in_the_database(front: Front) -> None:
    texts = {"authorization": "canary-a", "reason": "canary-b", "purpose": "canary-c"}
    entered = front.enter(RequestType.ACCESS, **texts)
    front.move(entered, Step(RequestAction.EXTEND, "canary-d"), Step(RequestAction.REFUSE, "canary-e"))

    stored = dump(front.connection)
    canaries = [f"canary-{letter}" for letter in "abcde"]
    assert not [canary for canary in canaries if canary in stored or canary.encode().hex() in stored]


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        (RequestType.RESTRICTION, (True, False, False), Reason.RESTRICTED),
        (RequestType.OBJECTION, (False, True, False), Reason.OBJECTION),
        (RequestType.ERASURE, (False, False, True), Reason.ERASED),
        (RequestType.ACCESS, (False, False, False), None),
    ],
)
def test_a_request_binds_from_its_verification_until_it_is_refused(
    front: Front, kind: RequestType, state: tuple[bool, bool, bool], reason: Reason | None
) -> None:
    entered = front.enter(kind)
    assert front.state() == (False, False, False)

    verified = front.move(entered, VERIFY)
    assert (front.state(), verified.bound, verified.request.verified_at) == (state, reason, NOW)

    front.move(entered, NOTIFY, REFUSE)
    assert front.state() == (False, False, False)


def test_a_request_verified_at_its_creation_binds_at_once(front: Front) -> None:
    entered = front.enter(RequestType.RESTRICTION, verified=True)

    assert (entered.request.status, entered.bound) == (RequestStatus.VERIFIED, Reason.RESTRICTED)
    assert front.state() == (True, False, False)


def test_an_unverified_request_is_not_settled(front: Front) -> None:
    entered = front.enter(RequestType.ERASURE)

    with pytest.raises(RightsConflictError) as conflict:
        front.move(entered, SETTLE)
    assert conflict.value.slug == "not-verified"
    assert front.state() == (False, False, False)


def test_a_settled_objection_holds_until_its_withdrawal_is_verified(front: Front) -> None:
    front.move(front.enter(RequestType.OBJECTION, verified=True), SETTLE)
    assert front.state() == (False, True, False)

    withdrawal = front.enter(RequestType.WITHDRAW_OBJECTION, verified=True)
    assert front.state() == (False, False, False)

    front.move(withdrawal, REFUSE)
    assert front.state() == (False, True, False)


def test_of_contrary_requests_the_one_verified_last_decides(front: Front) -> None:
    objection = front.enter(RequestType.OBJECTION)
    withdrawal = front.enter(RequestType.WITHDRAW_OBJECTION, verified=True)
    front.move(objection, VERIFY)

    assert front.state() == (False, True, False)
    front.move(withdrawal, SETTLE)
    assert front.state() == (False, True, False)


def test_a_restriction_is_not_lifted_without_notice(front: Front) -> None:
    front.move(front.enter(RequestType.RESTRICTION, verified=True), SETTLE)
    lift = front.enter(RequestType.LIFT_RESTRICTION)

    with pytest.raises(RightsConflictError) as later:
        front.move(lift, VERIFY)
    with pytest.raises(RightsConflictError) as at_once:
        front.enter(RequestType.LIFT_RESTRICTION, verified=True)
    assert {later.value.slug, at_once.value.slug} == {"notice-required"}
    assert front.state() == (True, False, False)

    front.move(lift, NOTIFY, VERIFY)
    assert front.state() == (False, False, False)


def test_notice_on_the_restriction_itself_will_do_but_not_on_an_earlier_one(front: Front) -> None:
    first = front.enter(RequestType.RESTRICTION, verified=True)
    front.move(first, SETTLE, NOTIFY)
    front.enter(RequestType.LIFT_RESTRICTION, verified=True)
    assert front.state() == (False, False, False)

    front.enter(RequestType.RESTRICTION, verified=True)
    with pytest.raises(RightsConflictError, match="notify"):
        front.enter(RequestType.LIFT_RESTRICTION, verified=True)


def require_notice(front: Front, request: Handled, step: Step) -> None:
    """It is refused, then taken once notice was given."""
    before = front.state()
    with pytest.raises(RightsConflictError) as conflict:
        front.move(request, step)
    assert (conflict.value.slug, front.state()) == ("notice-required", before)
    front.move(request, NOTIFY, step)
    assert front.state() == (False, False, False)


def test_a_restriction_does_not_end_by_a_refusal_without_notice(front: Front) -> None:
    """R54; whatever ends nothing needs none."""
    restriction = front.enter(RequestType.RESTRICTION, verified=True)
    second = front.enter(RequestType.RESTRICTION, verified=True)
    front.move(second, REFUSE)
    front.move(front.enter(RequestType.RESTRICTION), REFUSE)
    assert front.state() == (True, False, False)

    require_notice(front, restriction, REFUSE)


def test_what_was_lifted_already_is_refused_without_another_notice(front: Front) -> None:
    """R54."""
    restriction = front.move(front.enter(RequestType.RESTRICTION, verified=True), NOTIFY)
    front.enter(RequestType.LIFT_RESTRICTION, verified=True)

    assert front.move(restriction, REFUSE).request.status is RequestStatus.REFUSED
    assert front.state() == (False, False, False)


def test_notice_of_a_restriction_that_does_not_bind_yet_does_not_count(front: Front) -> None:
    """R54."""
    restriction = front.enter(RequestType.RESTRICTION)
    front.move(restriction, NOTIFY, VERIFY, SETTLE)

    require_notice(front, front.enter(RequestType.LIFT_RESTRICTION), VERIFY)


def test_notice_on_a_request_to_lift_does_not_count_for_a_later_restriction(front: Front) -> None:
    """R54."""
    front.enter(RequestType.RESTRICTION, verified=True)
    told_early = front.move(front.enter(RequestType.LIFT_RESTRICTION), NOTIFY)
    front.move(front.enter(RequestType.LIFT_RESTRICTION), NOTIFY, VERIFY)
    front.enter(RequestType.RESTRICTION, verified=True)

    require_notice(front, told_early, VERIFY)


def test_after_a_refused_lift_the_member_is_told_again(front: Front) -> None:
    """R54: the restriction has begun to bind another time."""
    restriction = front.move(front.enter(RequestType.RESTRICTION, verified=True), NOTIFY)
    lift = front.enter(RequestType.LIFT_RESTRICTION, verified=True)
    front.move(restriction, NOTIFY)
    front.move(lift, REFUSE)
    assert front.state() == (True, False, False)

    require_notice(front, front.enter(RequestType.LIFT_RESTRICTION), VERIFY)


def test_an_extension_goes_to_sixty_days_once_and_keeps_its_reason(front: Front) -> None:
    extended = front.move(front.enter(RequestType.ACCESS), EXTEND).request

    assert (extended.due_at, extended.extended_at) == (NOW + timedelta(days=60), NOW)
    assert extended.extension_reason == "many requests at once"
    with pytest.raises(RightsConflictError) as again:
        front.desk.move(extended.id, EXTEND, now=NOW)
    assert again.value.slug == "extension-exhausted"


@pytest.mark.parametrize("action", [RequestAction.EXTEND, RequestAction.REFUSE])
def test_a_decision_against_the_member_needs_a_reason(action: RequestAction) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Step(action, "")


@pytest.mark.parametrize("end", [SETTLE, REFUSE])
@pytest.mark.parametrize("step", [VERIFY, EXTEND, SETTLE, REFUSE])
def test_a_closed_request_stays_closed(front: Front, end: Step, step: Step) -> None:
    closed = front.move(front.enter(RequestType.ACCESS, verified=True), end)

    assert closed.request.closed_at == NOW
    with pytest.raises(RightsConflictError) as conflict:
        front.move(closed, step)
    assert conflict.value.slug == "request-closed"


def test_a_request_is_verified_once(front: Front) -> None:
    with pytest.raises(RightsConflictError) as conflict:
        front.move(front.enter(RequestType.ACCESS, verified=True), VERIFY)
    assert conflict.value.slug == "already-verified"


def test_a_refused_request_takes_no_notice(front: Front) -> None:
    with pytest.raises(RightsConflictError) as conflict:
        front.move(front.enter(RequestType.LIFT_RESTRICTION), REFUSE, NOTIFY)
    assert conflict.value.slug == "request-closed"


def test_the_third_know_in_twelve_months_names_its_date_and_refused_ones_do_not_count(front: Front) -> None:
    front.move(front.enter(RequestType.KNOW, received_at=NOW - timedelta(days=300)), REFUSE)
    front.enter(RequestType.KNOW, received_at=NOW - timedelta(days=200))
    front.enter(RequestType.KNOW)

    with pytest.raises(RightsConflictError) as conflict:
        front.enter(RequestType.KNOW)
    assert conflict.value.slug == "know-limit"
    assert conflict.value.more["available_from"] == (NOW - timedelta(days=200)).replace(year=2027)
    assert "supervisory_authority" in conflict.value.more


def test_after_the_erasure_the_request_is_still_there_and_nothing_new_is_taken(front: Front) -> None:
    other = front.enter(RequestType.ERASURE)
    settled = front.move(front.enter(RequestType.ERASURE, verified=True), SETTLE)
    assert settled.member is not None

    entries, number = front.desk.read()
    assert number is None
    assert [entry.status for entry in entries] == [RequestStatus.SETTLED, RequestStatus.RECEIVED]
    with pytest.raises(NoSuchMemberError) as gone:
        front.enter(RequestType.ACCESS)
    assert gone.value.reason is Reason.ERASED
    assert front.move(other, VERIFY, SETTLE).member is None


def test_nobody_sees_or_moves_anothers_requests(front: Front) -> None:
    add_member(front.connection, "m2")
    mine = front.enter(RequestType.ACCESS)
    other = Front(front.connection, front.desk.journal, "m2")

    assert other.desk.read()[0] == ()
    with pytest.raises(NoSuchRequestError):
        other.desk.read_one(mine.request.id)
    with pytest.raises(NoSuchRequestError):
        other.move(mine, VERIFY)
    with pytest.raises(NoSuchMemberError):
        Front(front.connection, front.desk.journal, "nobody").move(mine, VERIFY)


def test_an_entry_of_the_journal_from_before_notices_had_an_order_binds_again(front: Front, journal: Journal) -> None:
    """R41."""
    front.enter(RequestType.RESTRICTION, verified=True)
    (change,) = journal.read(journal.entries()[-1])
    del change["request"]["notified_as"]
    front.connection.execute(delete(rights_request))
    front.connection.execute(update(member).values(restricted=False))

    ids = members_by_digest(front.connection, journal.keyring, [change["request"]["member_digest"]])
    Replay(front.connection, journal.keyring, ids, Replayed(), NOW).apply(change)
    assert front.state() == (True, False, False)
