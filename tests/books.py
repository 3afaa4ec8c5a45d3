"""What must add up in the books whatever happened: totals from their lines, counters from a recount."""

from typing import Any

from sqlalchemy import Connection

from partners.postgres.database import Database
from tests.recounting import recount

_PURCHASES = """
SELECT member, count(*) FILTER (WHERE NOT reversed), coalesce(sum(credits) FILTER (WHERE NOT reversed), 0)
FROM (
    SELECT bought.member, bought.credits, EXISTS (
        SELECT FROM ledger_entry back WHERE back.purchase_id = bought.purchase_id AND back.type = 'reversal'
    ) AS reversed
    FROM ledger_entry bought WHERE bought.type = 'purchase'
) each GROUP BY member ORDER BY member
"""
_PURCHASE_TOTALS = """
SELECT member, count, credits FROM purchase_total total
WHERE EXISTS (SELECT FROM ledger_entry line WHERE line.member = total.member) ORDER BY member
"""
_SPENDING = """
SELECT model, member, feature, count(*), sum(credits), min(at), max(at) FROM spending GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_SPENDING_TOTALS = """
SELECT model, member, feature, count, credits, first_at, last_at FROM spending_total ORDER BY 1, 2, 3
"""
_MET = "SELECT model, member FROM action UNION SELECT model, member FROM spending ORDER BY 1, 2"
_RELATIONS = "SELECT model, member FROM relation ORDER BY 1, 2"
_FIRST_PURCHASES = "SELECT member FROM ledger_entry WHERE first ORDER BY 1"
_BUYERS = "SELECT DISTINCT member FROM ledger_entry WHERE type = 'purchase' ORDER BY 1"
_ADDED_UP = (
    (_PURCHASES, _PURCHASE_TOTALS),
    (_SPENDING, _SPENDING_TOTALS),
    (_MET, _RELATIONS),
    (_FIRST_PURCHASES, _BUYERS),
)
"""What is told line by line, and what is kept of it."""
_COUNTED = ("statistic", "statement_total")


def assert_books_balance(db: Database) -> None:
    """Fail where anything was doubled or lost between what is told line by line and what is kept added up."""
    with db.write.connect() as connection:
        for single, added_up in _ADDED_UP:
            assert _rows(connection, single) == _rows(connection, added_up)
        before = {name: _rows(connection, f"SELECT * FROM {name}") for name in _COUNTED}
        recount(connection)
        after = {name: _rows(connection, f"SELECT * FROM {name}") for name in _COUNTED}
        connection.rollback()
    for name in _COUNTED:
        assert sorted(map(repr, before[name])) == sorted(map(repr, after[name]))


def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(statement)]
