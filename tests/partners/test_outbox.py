"""What is to be told is put down at once, however much it is."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, delete, select, text, update

from partners.access_log.pruning import has_outlived
from partners.keyring import Keyring
from partners.months import beginning_of, next_month
from partners.outbox import ALWAYS, CLOSED_KEPT, KEPT, Concern, give_up, outlived, write_concerns
from partners.postgres import database
from partners.postgres.database import Database
from partners.tables.outbox import concern
from partners.vocabulary import NoticeTopic, PartnerKind
from tests.conftest import NOW
from tests.factories import add_partner
from tests.round_trips import sent

_NOTICES = text("""
INSERT INTO notice (id, concern, partner, topic, fields, created_at, closed_at)
SELECT
    gen_random_uuid(), n, :partner, 'erased', '{}', :created_at,
    CASE WHEN n % 2 = 0 THEN CAST(:now AS timestamptz) END
FROM generate_series(CAST(:first AS int), :last) n
""")
_LOOKED_AT = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'notice'")


def test_concerns_go_out_in_one_statement(db: Database, keyring: Keyring) -> None:
    told = [
        Concern(1, NoticeTopic.ERASED, "night_owl"),
        Concern(2, NoticeTopic.RENAMED, "glass_harp", ("username",), (ALWAYS,), (PartnerKind.MODEL_CENTER,)),
        Concern(3, NoticeTopic.RENAMED, "copper_kite"),
    ]
    with db.write.begin() as connection, sent(connection) as statements:
        write_concerns(connection, told, keyring)
        write_concerns(connection, [], keyring)
    assert len(statements) == 1

    with db.write.connect() as connection:
        rows = connection.execute(select(concern).order_by(concern.c.number)).all()
    found = [(row.member, row.topic, *map(tuple, (row.fields, row.fields_since, row.audiences))) for row in rows]
    assert found == [(each.member, each.topic, each.fields, each.fields_since, tuple(each.audiences)) for each in told]
    assert [keyring.unseal(row.sealed_username).decode() for row in rows] == [each.username for each in told]
    assert len({row.created_at for row in rows}) == 1


def test_what_waits_for_too_long_is_found_without_a_look_at_what_else_there_is(database_url: str) -> None:
    """R65: neither at what was told, nor at what may wait."""
    owner, too_old = database.owner(database_url), NOW - KEPT - timedelta(seconds=1)
    with owner.begin() as connection:
        own = {"partner": add_partner(connection), "now": NOW}
        connection.execute(_NOTICES, {**own, "created_at": too_old, "first": 1, "last": 4})
        connection.execute(_NOTICES, {**own, "created_at": NOW, "first": 5, "last": 4_000})
        connection.execute(text("ANALYZE notice"))
    with owner.begin() as connection:
        given_up, looked_at = give_up(connection, now=NOW), connection.scalar(_LOOKED_AT)
    owner.dispose()

    assert (given_up, looked_at) == (2, 2)


def test_a_change_of_name_is_known_until_nobody_who_read_before_it_can_be_found(db: Database, keyring: Keyring) -> None:
    """R65: while the log has its month, that of the change included."""
    months = (next_month(date(2026, 1, 1), count) for count in range(48))
    assert all(has_outlived(month, beginning_of(month) + CLOSED_KEPT) for month in months)

    settled = datetime(2026, 7, 1, tzinfo=UTC)
    with db.write.begin() as connection:
        write_concerns(connection, [Concern(1, NoticeTopic.RENAMED, "night_owl")], keyring)
        connection.execute(update(concern).values(addressed_at=settled))
        _sweep(connection, settled + CLOSED_KEPT)
        assert len(connection.execute(select(concern)).all()) == 1
        _sweep(connection, settled + CLOSED_KEPT + timedelta(seconds=1))
        assert connection.execute(select(concern)).all() == []


def _sweep(connection: Connection, now: datetime) -> None:
    for table, is_old in outlived(now):
        connection.execute(delete(table).where(is_old))
