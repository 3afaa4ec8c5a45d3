"""Every table that knows members says what an erasure does to it, and the erasure does just that."""

from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from partners.access_log.identifiers import new_id
from partners.access_log.subjects import accesses_about
from partners.keyring import Keyring
from partners.outbox import CLOSED_KEPT
from partners.postgres.database import Database
from partners.rights import journal
from partners.rights.erasure import FATES, KEPT, Fate
from partners.tables import metadata
from partners.tables.access import access_subject, access_subject_block, access_subject_set, outside_disclosure
from partners.tables.member import member
from partners.tables.outbox import concern, notice
from tests.conftest import NOW
from tests.partners.rights.test_erasure import erase, live_a_full_life

NAMES_A_MEMBER = {"member", "member_id", "member_digest", "member_bucket"}
ABOUT_A_MEMBER = {"personal", "shared"}


def knows_members(table: Table) -> bool:
    """By a column's name, its class, or a foreign key."""
    return any(
        column.name in NAMES_A_MEMBER
        or column.info.get("class") in ABOUT_A_MEMBER
        or any(key.column.table is member for key in column.foreign_keys)
        for column in table.columns
    )


def rows_in(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_every_table_that_knows_members_has_a_fate() -> None:
    known = {table.name for table in metadata.sorted_tables if knows_members(table)}

    assert known == {table.name for table in FATES}


def test_the_decision_names_every_table() -> None:
    decided = (Path(__file__).parents[2] / "docs/adr/0004-erasure.md").read_text()
    rows = "".join(line for line in decided.splitlines() if line.startswith("| `"))

    assert {table.name for table in FATES if f"`{table.name}`" not in rows} == set()


def test_the_rights_journal_is_named_among_what_stays() -> None:
    """R51."""
    assert f"{journal.KEPT.days} days" in next(kept.why for kept in KEPT if "rights journal" in kept.what)


def test_what_no_erasure_reaches_is_named_among_what_stays() -> None:
    """R41, R45, R51: backups, what has left the log, and who was told."""
    why = {kept.what: kept.why for kept in KEPT}

    assert "30 days" in next(why[what] for what in why if what.startswith("Backups"))
    assert f"{CLOSED_KEPT.days} days" in next(why[what] for what in why if "username was given up" in what)
    assert any("security team's own tools" in what for what in why)
    assert "without a name, as long as the log" in FATES[concern]


def test_every_table_meets_its_fate(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        number = live_a_full_life(connection, keyring)
        connection.execute(access_subject.insert().values(member=number, at=NOW, access=new_id(NOW), verdict=0))
        in_bulk = {"member_bucket": number >> 14, "member_offsets": [number & 0x3FFF]}
        connection.execute(access_subject_set.insert().values(**in_bulk, at=NOW, access=new_id(NOW), verdict=0))
        in_block = {"member_bucket": number >> 10, "member_offsets": [number & 0x3FF]}
        connection.execute(access_subject_block.insert().values(**in_block, at=NOW, access=new_id(NOW), verdict=0))
        outside = {"id": new_id(NOW), "at": NOW, "member": number, "entered_at": NOW, "fields": ["username"]}
        named = {"recipient_kind": "authority", "recipient": "A court", "purpose": "operation"}
        connection.execute(outside_disclosure.insert().values(outside | named))
        before = {table: rows_in(connection, table) for table in FATES}
        erase(connection, keyring)
        after = {table: rows_in(connection, table) for table in FATES}
        still_linked = {
            table.name
            for table in FATES
            if "member" in table.c and connection.execute(select(table).where(table.c.member == number)).first()
        }
        about = accesses_about(number)
        assert len(connection.execute(select(about)).all()) == 3

    unfilled = {table.name for table, count in before.items() if not count}
    assert unfilled == {table.name for table, fate in FATES.items() if fate in {Fate.KEYED_HASH, Fate.UNTIL_TOLD}}
    assert {table.name for table, count in after.items() if not count} == {
        table.name for table, fate in FATES.items() if fate is Fate.DELETED or table is notice
    }
    assert still_linked == {
        table.name for table, fate in FATES.items() if fate is Fate.NUMBER_ONLY or table is concern
    } - {access_subject_block.name, access_subject_set.name}
