"""The sweep removes exactly what has lapsed: not a second too early, nothing else, and nothing that is restricted."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, event, func, select

from partners import outbox
from partners.people import accounts
from partners.postgres import database
from partners.postgres.database import Database
from partners.rights.retention import (
    Swept,
    forget_after_ten_years,
    forget_networks,
    forget_outside_disclosures,
    sweep,
)
from partners.tables.access import access_network, outside_disclosure
from partners.tables.activity import action, relation, spending
from partners.tables.consent import grant_family, person_session, pushed_request, refresh_token
from partners.tables.member import erased_member, former_username, held_setting, member, member_stamp
from partners.tables.outbox import concern, notice
from partners.tables.partner import denied_token, spent_assertion, spent_proof
from partners.tables.rights import rights_request
from partners.vocabulary import Action, PartnerKind, RequestStatus, RequestType
from tests.conftest import NOW
from tests.factories import (
    add_action,
    add_client,
    add_device,
    add_member,
    add_model,
    add_partner,
    add_purchase,
    add_spending,
)

KEPT = timedelta(days=120)
SECOND = timedelta(seconds=1)


def clean(db: Database, now: datetime = NOW, real_now: datetime = NOW) -> Swept:
    return sweep(db.write, now=now, real_now=real_now)


def add_used_member(connection: Connection, member_id: str = "m1", **columns: object) -> int:
    """A member who was seen, chatted and spent a little, at registration 120 days ago, and never bought."""
    number = add_member(connection, member_id, registered_at=NOW - KEPT, **columns)
    model = connection.execute(select(relation.c.model).limit(1)).scalar() or add_model(connection)
    add_device(connection, number, NOW - KEPT)
    connection.execute(member_stamp.insert().values(member=number, attribute="device", stamp="1"))
    connection.execute(member_stamp.insert().values(member=number, attribute="site", stamp="1"))
    add_action(connection, model, number, Action.PRIVATE_CHAT, at=NOW - KEPT)
    add_spending(connection, model, number, at=NOW - KEPT)
    return number


def count(db: Database, table: Table) -> int:
    with db.write.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def device(db: Database) -> str | None:
    with db.write.connect() as connection:
        return connection.execute(select(member.c.device_type)).scalar_one()


def test_at_120_days_it_is_there_and_a_second_later_it_goes(db: Database) -> None:
    with db.write.begin() as connection:
        add_used_member(connection)

    assert clean(db, NOW) == Swept()
    assert (device(db), count(db, action)) == ("mobile", 1)

    assert clean(db, NOW + SECOND) == Swept(devices=1, actions=1)
    assert (device(db), count(db, action)) == (None, 0)
    assert clean(db, NOW + SECOND) == Swept()


def test_what_is_no_usage_data_stays(db: Database) -> None:
    with db.write.begin() as connection:
        add_used_member(connection)

    clean(db, NOW + SECOND)

    assert count(db, spending) == 1
    with db.write.connect() as connection:
        assert connection.execute(select(relation.c.privately_chatted)).scalar_one() is True
        assert connection.execute(select(member_stamp.c.attribute)).scalars().all() == ["site"]
        unseen = select(func.isfinite(member.c.device_seen_at))
        assert connection.execute(unseen).scalar_one() is False


def test_a_purchase_in_time_restarts_the_clock(db: Database) -> None:
    with db.write.begin() as connection:
        add_purchase(connection, add_used_member(connection), at=NOW - SECOND)

    assert clean(db, NOW + SECOND) == Swept()


def test_a_later_purchase_covers_only_what_is_seen_after_it(db: Database) -> None:
    with db.write.begin() as connection:
        number = add_used_member(connection)
        bought_at = NOW + SECOND
        add_purchase(connection, number, at=bought_at)
        model = connection.execute(select(relation.c.model)).scalar_one()
        add_action(connection, model, number, at=bought_at)

    assert clean(db, NOW + 2 * SECOND) == Swept(devices=1, actions=1)
    with db.write.connect() as connection:
        assert connection.execute(select(action.c.at)).scalar_one() == bought_at


def test_of_a_device_that_stays_it_is_still_known_when_it_was_seen(db: Database) -> None:
    """Else an older one, told of late, would take its place."""
    bought_at = NOW + SECOND
    with db.write.begin() as connection:
        number = add_used_member(connection)
        add_purchase(connection, number, at=bought_at)
        add_device(connection, number, bought_at)

    assert clean(db, NOW + 2 * SECOND) == Swept(actions=1)
    with db.write.connect() as connection:
        assert set(connection.execute(select(member_stamp.c.attribute)).scalars()) == {"device", "site"}


def test_a_restricted_member_is_skipped_and_reported(db: Database) -> None:
    with db.write.begin() as connection:
        add_used_member(connection, "m1", restricted=True)
        add_used_member(connection, "m2")
        add_member(connection, "m3", restricted=True)

    assert clean(db, NOW + SECOND) == Swept(devices=1, actions=1, skipped_restricted_members=1)
    assert count(db, action) == 1


def test_former_usernames_of_the_restricted_stay_and_are_counted(db: Database) -> None:
    """R42, R54."""
    with db.write.begin() as connection:
        for name, restricted in (("quiet", True), ("other", False)):
            number = add_member(connection, name, registered_at=NOW, restricted=restricted)
            for shift in (timedelta(0), -SECOND):
                row = {"digest": f"{name}{shift}".encode(), "blocked_until": NOW + shift, "member": number}
                connection.execute(former_username.insert().values(row))

    assert clean(db) == Swept(usernames=1, skipped_restricted_members=1)
    assert count(db, former_username) == 3


def test_a_sweep_of_several_batches_reaches_everyone(db: Database) -> None:
    with db.write.begin() as connection:
        for position in range(7):
            add_used_member(connection, f"m{position}")
            connection.execute(denied_token.insert().values(id=str(position), expires_at=NOW - KEPT))

    swept = sweep(db.write, now=NOW + SECOND, real_now=NOW, batch=2)
    assert swept == Swept(devices=7, actions=7, denied_tokens=7)


def test_a_sweep_asks_of_each_member_once_what_has_lapsed(db: Database) -> None:
    """Of all members in every batch it would take the longer, the more of them there are, times the batches."""
    with db.write.begin() as connection:
        numbers = [add_used_member(connection, f"m{position}") for position in range(5)]
    asked_of: list[list[int]] = []

    def note(*executed: Any) -> None:
        _, _, statement, parameters, *_ = executed
        if "FOR UPDATE" in statement and "restricted" in statement:
            asked_of.append(parameters.get("numbers", []))

    event.listen(db.write, "before_cursor_execute", note)
    sweep(db.write, now=NOW, real_now=NOW, batch=2)
    event.remove(db.write, "before_cursor_execute", note)

    assert asked_of == [numbers[:2], numbers[2:4], numbers[4:]]


def test_short_lived_rows_go_once_their_time_is_past(db: Database) -> None:
    held = NOW - timedelta(days=30)
    with db.write.begin() as connection:
        for shift in (timedelta(0), -SECOND):
            expired = NOW - timedelta(minutes=5) + shift
            token = uuid4().hex
            connection.execute(former_username.insert().values(digest=token.encode(), blocked_until=NOW + shift))
            connection.execute(denied_token.insert().values(id=token, expires_at=expired))
            connection.execute(spent_assertion.insert().values(client="c", digest=token.encode(), expires_at=expired))
            connection.execute(spent_proof.insert().values(key=b"k", digest=token.encode(), expires_at=expired))
            columns = {"member_id": token, "attribute": "mask_visibility", "value": "private", "stamp": "1"}
            connection.execute(held_setting.insert().values(held_since=held + shift, **columns))

    assert clean(db) == Swept(usernames=1, held_settings=1, assertions=1, proofs=1, denied_tokens=1)
    tables = (former_username, held_setting, denied_token, spent_assertion, spent_proof)
    assert [count(db, table) for table in tables] == [1] * 5


def test_what_is_known_of_who_was_told_goes_after_its_time_and_what_waits_for_too_long_is_given_up(
    db: Database,
) -> None:
    """R65: open notices are closed, and stay as long as others."""
    told = {"topic": "renamed", "fields": []}
    with db.write.begin() as connection:
        own = told | {"partner": add_partner(connection)}
        for shift in (timedelta(0), -SECOND):
            kept, closed_kept = NOW - outbox.KEPT + shift, NOW - outbox.CLOSED_KEPT + shift
            for created_at, ended_at in ((kept, None), (closed_kept, closed_kept)):
                about = {"member": 1, "audiences": [], "created_at": created_at, "addressed_at": ended_at}
                number = connection.scalar(concern.insert().values(**told, **about).returning(concern.c.number))
                open_until = {"concern": number, "created_at": created_at, "closed_at": ended_at}
                connection.execute(notice.insert().values(id=uuid4(), **own, **open_until))

    assert clean(db) == Swept(notices_given_up=1)
    assert [count(db, table) for table in (notice, concern)] == [3, 2]


def test_consents_pushed_requests_and_sessions_go_once_they_are_over_and_not_before(db: Database) -> None:
    """Whoever consented long ago, or was last seen a while ago, goes on as long as was said."""
    with db.write.begin() as connection:
        webmaster = add_partner(connection)
        client = add_client(connection, add_partner(connection, "tool", PartnerKind.TRACKER))
        person = accounts.add(connection, "w1", "anna", now=NOW).person.number
        for name, shift in (("alive", timedelta(0)), ("over", -SECOND)):
            expired = NOW - timedelta(minutes=5) + shift
            consent = {"id": name, "client": client, "partner": webmaster, "person": person, "scopes": []}
            connection.execute(
                grant_family.insert().values(**consent, created_at=NOW - timedelta(days=90), expires_at=expired)
            )
            connection.execute(refresh_token.insert().values(digest=name.encode(), family=name))
            pushed = {"digest": name.encode(), "client": client, "parameters": {}}
            connection.execute(pushed_request.insert().values(**pushed, expires_at=expired))
            session = {"digest": name.encode(), "person": person, "seen_at": NOW - timedelta(days=1)}
            connection.execute(person_session.insert().values(**session, expires_at=expired))

    assert clean(db) == Swept(consents=1, pushed_requests=1, sessions=1)
    with db.write.connect() as connection:
        assert connection.execute(select(grant_family.c.id)).scalars().all() == ["alive"]
        for table in (refresh_token, pushed_request, person_session):
            assert connection.execute(select(table.c.digest)).scalars().all() == [b"alive"]


def test_a_notice_that_nobody_took_for_too_long_is_given_up_and_names_nobody_any_more(db: Database) -> None:
    """R65: also where nothing delivers."""
    with db.write.begin() as connection:
        told = {"partner": add_partner(connection), "topic": "member.restricted", "fields": []}
        for number, shift in enumerate((timedelta(0), -SECOND)):
            row = {"id": uuid4(), "concern": number, "sealed_subject": b"s", "created_at": NOW - outbox.KEPT + shift}
            connection.execute(notice.insert().values(**told, **row))

    assert clean(db, now=NOW + KEPT, real_now=NOW) == Swept(notices_given_up=1)
    with db.write.connect() as connection:
        rows = connection.execute(select(notice.c.sealed_subject, notice.c.outcome).order_by(notice.c.concern)).all()
    assert [tuple(row) for row in rows] == [(b"s", None), (None, "given_up")]


def test_tokens_are_judged_by_the_real_clock_and_periods_by_that_of_the_rules(db: Database) -> None:
    with db.write.begin() as connection:
        connection.execute(denied_token.insert().values(id="t", expires_at=NOW))
        connection.execute(former_username.insert().values(digest=b"d", blocked_until=NOW))
        columns = {"member_id": "m", "attribute": "mask_visibility", "value": "private", "stamp": "1"}
        connection.execute(held_setting.insert().values(held_since=NOW - timedelta(days=30), **columns))
    later = NOW + timedelta(days=1)

    assert clean(db, now=later, real_now=NOW) == Swept(usernames=1, held_settings=1)
    assert clean(db, now=later, real_now=later) == Swept(denied_tokens=1)


def test_closed_requests_go_after_ten_years_but_for_those_by_which_something_holds(database_url: str) -> None:
    """R38, R51; afterwards the id of somebody who was erased is nobody's."""
    owner = database.owner(database_url)
    bonds, settled, refused = itertools.count(1), RequestStatus.SETTLED, RequestStatus.REFUSED

    def close(member_id: str, kind: RequestType, status: RequestStatus = settled, at: datetime = NOW) -> None:
        told = {"via": "member", "received_at": at, "due_at": at, "closed_at": at, "bound_as": next(bonds)}
        row = {"id": f"{member_id} {kind} {status}", "member_digest": member_id.encode(), "type": kind}
        with owner.begin() as connection:
            connection.execute(rights_request.insert().values(**row, status=status, **told))

    def left(now: datetime) -> set[str]:
        forget_after_ten_years(owner, now=now)
        with owner.connect() as connection:
            return set(connection.execute(select(rights_request.c.id)).scalars())

    close("quiet", RequestType.RESTRICTION)
    close("quiet", RequestType.OBJECTION, refused)
    close("freed", RequestType.OBJECTION)
    close("freed", RequestType.WITHDRAW_OBJECTION)
    close("late", RequestType.RESTRICTION, at=NOW + SECOND)
    close("late", RequestType.LIFT_RESTRICTION)
    close("gone", RequestType.RESTRICTION)
    close("gone", RequestType.ERASURE)
    close("gone", RequestType.OBJECTION, at=NOW + timedelta(days=2))
    close("curious", RequestType.ACCESS)
    with owner.begin() as connection:
        connection.execute(erased_member.insert().values(digest=b"gone", erased_at=NOW))
    then = NOW.replace(year=NOW.year + 10)

    assert len(left(then)) == 10
    of_the_late = {"late restriction settled", "late lift_restriction settled"}
    assert left(then + SECOND) == {"quiet restriction settled", "freed withdraw_objection settled"} | of_the_late
    assert left(then + 2 * SECOND) == {"quiet restriction settled", "late lift_restriction settled"}
    assert left(then + 2 * SECOND) == {"quiet restriction settled"}
    owner.dispose()


def test_network_data_goes_after_120_days_by_the_owners_hand(database_url: str) -> None:
    owner = database.owner(database_url)
    seen_at = datetime.now(NOW.tzinfo)
    with owner.begin() as connection:
        connection.execute(access_network.insert().values(at=seen_at, access=uuid4(), ip="192.0.2.1", salt=uuid4()))

    assert forget_networks(owner, real_now=seen_at + KEPT) == Swept()
    assert forget_networks(owner, real_now=seen_at + KEPT + SECOND) == Swept(networks=1)
    owner.dispose()


def test_what_was_disclosed_outside_goes_with_the_records_of_its_month(database_url: str) -> None:
    """R27: 25 months after its end."""
    owner = database.owner(database_url)
    told = {"member": 1, "recipient_kind": "court", "recipient": "a court", "purpose": "law", "fields": ["username"]}
    with owner.begin() as connection:
        row = {"id": uuid4(), "at": datetime(2026, 10, 1, tzinfo=UTC), "entered_at": NOW, **told}
        connection.execute(outside_disclosure.insert().values(row))
    gone = datetime(2028, 12, 1, tzinfo=UTC)

    assert forget_outside_disclosures(owner, real_now=gone - SECOND) == Swept()
    assert forget_outside_disclosures(owner, real_now=gone) == Swept(outside_disclosures=1)
    owner.dispose()


def test_what_was_disclosed_outside_of_the_restricted_stays_and_is_counted(db: Database, database_url: str) -> None:
    """R27, R43, R54: whom it was about is counted once, however much has lapsed."""
    owner = database.owner(database_url)
    told = {"recipient_kind": "court", "recipient": "a court", "purpose": "law", "fields": ["username"]}
    with owner.begin() as connection:
        for name, restricted in (("m1", True), ("m2", False)):
            number = add_used_member(connection, name, restricted=restricted)
            for day in (1, 31):
                row = {"id": uuid4(), "at": datetime(2026, 10, day, tzinfo=UTC), "entered_at": NOW, "member": number}
                connection.execute(outside_disclosure.insert().values(row | told))
    gone = datetime(2028, 12, 1, tzinfo=UTC)

    assert clean(db, NOW, gone - SECOND) == Swept()
    assert clean(db, NOW, gone) == Swept(skipped_restricted_members=1)
    assert clean(db, NOW + SECOND, gone) == Swept(devices=1, actions=1, skipped_restricted_members=1)
    assert forget_outside_disclosures(owner, real_now=gone) == Swept(outside_disclosures=2)
    assert forget_outside_disclosures(owner, real_now=gone) == Swept()
    owner.dispose()
