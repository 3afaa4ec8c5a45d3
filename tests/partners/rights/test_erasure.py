"""An erasure leaves nothing that names the member, and everything the law and the statistics keep."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Connection, create_engine, make_url, select, text
from sqlalchemy.exc import NoResultFound

from partners.keyring import Digest, Keyring
from partners.postgres.database import Database
from partners.rights.book import Book
from partners.rights.erasure import carry_out
from partners.rights.journal import Journal
from partners.rights.requests import Asked, Desk
from partners.rights.steps import Step
from partners.tables.activity import ledger_entry, registration, spending, spending_total
from partners.tables.member import erased_member, former_username, held_setting, member, member_stamp
from partners.vocabulary import ProfileItem, RequestAction, RequestStatus, RequestType, Via
from tests.conftest import NOW
from tests.factories import (
    REGISTERED_AT,
    add_action,
    add_campaign,
    add_device,
    add_member,
    add_model,
    add_partner,
    add_purchase,
    add_spending,
    dump,
)

ID, USERNAME, MASK = "canary-member-id", "canary_username", "canary-mask"
SUBS = {f"sub{position}": f"canary-sub-{position}" for position in range(1, 6)}
TEXTS = {item: f"canary-{item}" for item in ProfileItem if item is not ProfileItem.AGE}
CANARIES = (ID, USERNAME, MASK, *SUBS.values(), *TEXTS.values(), "canary-authorization", "canary-reason")


def live_a_full_life(connection: Connection, keyring: Keyring) -> int:
    """Put something about one member into every table that can hold it."""
    webmaster = add_partner(connection)
    campaign = add_campaign(connection, webmaster)
    sealed = {item: keyring.seal(words.encode()) for item, words in TEXTS.items()}
    plain = {"sexual_preferences", "turn_ons", "dislikes"}
    number = add_member(
        connection,
        ID,
        username=USERNAME,
        mask=MASK,
        webmaster=webmaster,
        campaign=campaign,
        profile_columns={"age": 34} | {item: sealed[item] if item in plain else words for item, words in TEXTS.items()},
        **SUBS,
    )
    counted = {"campaign": campaign, "webmaster": webmaster, "site": "main", "country": "LU", "counted": True}
    connection.execute(registration.insert().values(member=number, at=REGISTERED_AT + timedelta(minutes=7), **counted))
    connection.execute(member_stamp.insert().values(member=number, attribute="username", stamp=f"1\x1fs\x1f{ID}"))
    connection.execute(
        held_setting.insert().values(member_id=ID, attribute="affiliate_sharing", value=False, stamp=f"1\x1fs\x1f{ID}")
    )
    model = add_model(connection)
    add_device(connection, number)
    add_action(connection, model, number)
    add_spending(connection, model, number, credits=10)
    add_spending(connection, model, number, credits=5)
    add_purchase(connection, number, "p1")
    add_purchase(connection, number, "p2")
    return number


def erase(connection: Connection, keyring: Keyring) -> None:
    """Do it as the platform does: by a verified and settled request."""
    asked = Asked(
        RequestType.ERASURE,
        NOW,
        verified=True,
        via=Via.AGENT,
        authorization="canary-authorization",
        reason="canary-reason",
    )
    with TemporaryDirectory() as directory:
        desk = Desk(connection, keyring, ID, Journal(Path(directory), keyring))
        entered = desk.enter(asked, now=NOW)
        desk.move(entered.request.id, Step(RequestAction.SETTLE), now=NOW)


def forms_of(canary: str) -> tuple[str, str]:
    return canary, canary.encode().hex()


def test_nothing_that_names_the_member_is_left_in_any_table(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        before = dump(connection)
        erase(connection, keyring)
        after = dump(connection)

    assert ID in before
    assert MASK in before
    assert not [canary for canary in CANARIES if any(form in after for form in forms_of(canary))]


def test_once_vacuumed_not_even_the_files_of_the_database_hold_it(
    db: Database, database_url: str, keyring: Keyring
) -> None:
    owner = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with owner.connect() as admin:
        cluster = Path(admin.execute(text("SELECT current_setting('data_directory')")).scalar_one())
        number = admin.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
        directories = (cluster / "base" / str(number), cluster / "pg_wal")
        with db.write.begin() as connection:
            live_a_full_life(connection, keyring)
            add_member(connection, "another", mask="another mask")
        # What the planner has sampled no vacuum takes away.
        admin.execute(text("ANALYZE"))
        admin.execute(text("CHECKPOINT"))
        before = [bytes_in(directory) for directory in directories]
        with db.write.begin() as connection:
            erase(connection, keyring)
        admin.execute(text("VACUUM FULL"))
        # A segment that is recycled keeps its bytes under a name to come; the tests' cluster deletes it.
        assert admin.execute(text("SHOW wal_recycle")).scalar_one() == "off"
        admin.execute(text("SELECT pg_switch_wal()"))
        admin.execute(text("CHECKPOINT"))
        after = [bytes_in(directory) for directory in directories]
    owner.dispose()

    assert all(ID.encode() in held for held in before)
    assert not [canary for canary in CANARIES if any(canary.encode() in held for held in after)]


def bytes_in(directory: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in directory.iterdir() if path.is_file())


def test_money_stays_and_a_late_refund_can_still_be_matched(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        erase(connection, keyring)
        purchases = connection.execute(select(ledger_entry).order_by(ledger_entry.c.purchase_id)).all()
        lines = connection.execute(select(spending).order_by(spending.c.credits)).all()
        totals = connection.execute(select(spending_total)).all()

    assert [(row.purchase_id, row.member, row.amount) for row in purchases] == [("p1", None, 2940), ("p2", None, 2940)]
    assert [row.owner_digest for row in purchases] == [
        keyring.digest(Digest.PURCHASE_OWNER, purchase_id, ID) for purchase_id in ("p1", "p2")
    ]
    assert [(row.member, row.credits) for row in lines] == [(None, 5), (None, 10)]
    assert totals == []


def test_the_username_is_blocked_for_a_year_and_the_id_is_known_as_erased(db: Database, keyring: Keyring) -> None:
    digest = keyring.digest(Digest.USERNAME, USERNAME)
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        connection.execute(former_username.insert().values(digest=digest, blocked_until=NOW))
        erase(connection, keyring)
        blocked = connection.execute(select(former_username)).one()
        known = connection.execute(select(erased_member)).one()

    assert (bytes(blocked.digest), blocked.erased) == (digest, True)
    assert blocked.blocked_until == datetime(2027, 11, 1, 12, tzinfo=NOW.tzinfo)
    assert (bytes(known.digest), known.erased_at) == (keyring.digest(Digest.MEMBER, ID), NOW)


def test_a_username_that_is_blocked_for_longer_stays_so(db: Database, keyring: Keyring) -> None:
    """R42."""
    digest, later = keyring.digest(Digest.USERNAME, USERNAME), datetime(2028, 1, 1, tzinfo=NOW.tzinfo)
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        connection.execute(former_username.insert().values(digest=digest, blocked_until=later))
        erase(connection, keyring)

        assert connection.execute(select(former_username.c.blocked_until)).scalar_one() == later


def test_a_counted_registration_stays_to_the_quarter_hour_and_an_uncounted_one_goes(
    db: Database, keyring: Keyring
) -> None:
    with db.write.begin() as connection:
        erased = live_a_full_life(connection, keyring)
        quiet = add_member(connection, "m2")
        columns = {"site": "main", "country": "LU", "counted": False}
        connection.execute(registration.insert().values(member=quiet, at=REGISTERED_AT, **columns))
        for number in (erased, quiet):
            carry_out(connection, number, keyring, NOW)
        (kept,) = connection.execute(select(registration)).all()

    assert (kept.member, kept.at, kept.counted) == (None, REGISTERED_AT, True)
    assert kept.webmaster is not None


def test_others_stay_as_they_are(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        other = add_member(connection, "m2")
        model = add_model(connection, "mdl-2")
        add_spending(connection, model, other)
        add_purchase(connection, other, "p3")
        erase(connection, keyring)

        assert connection.execute(select(member.c.number)).scalars().all() == [other]
        assert connection.execute(select(ledger_entry.c.purchase_id).where(ledger_entry.c.member == other)).all()
        assert connection.execute(select(spending.c.credits).where(spending.c.member == other)).all()


def test_the_request_outlives_the_erasure_with_its_reasons(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        live_a_full_life(connection, keyring)
        erase(connection, keyring)
        (request,) = Book(connection, keyring, ID).entries()

    assert (request.status, request.reason) == (RequestStatus.SETTLED, "canary-reason")


def test_who_is_not_there_cannot_be_erased(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection, pytest.raises(NoResultFound):
        carry_out(connection, 1, keyring, NOW)
