"""Statements on the driver itself: what they return is held by nobody afterwards."""

from contextlib import closing

from sqlalchemy import Text, bindparam, func, select

from partners.database import Database
from partners.prepared import prepare_text

CANARY = "canary-5d1e"


def test_a_connection_remembers_nothing_that_was_read(db: Database) -> None:
    said = bindparam("said", type_=Text)
    told = prepare_text(select(said.concat("!").label("said"), func.length(said)))

    rows = [told.fetch(db.release, {"said": CANARY}) for _ in range(3)]

    assert rows == [[(f"{CANARY}!", len(CANARY))]] * 3
    with closing(db.release.raw_connection()) as pooled:
        kept = pooled.info["cursor"]
    assert kept.pgresult is None
    assert kept._query is None  # noqa: SLF001 - what the test is about
