"""What is kept of whoever bought before the registration: the registration is no new start of their clock (R36)."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

CLOCKS = sa.text("""
    UPDATE purchase_total SET usage_kept_from = coalesce(found.kept_from, '-infinity')
    FROM (
        SELECT bought.member, max(bought.at) FILTER (WHERE bought.at - bought.before > interval '120 days') AS kept_from
        FROM (
            SELECT member, at, lag(at) OVER each AS before, first_value(at) OVER each AS first
            FROM ledger_entry WHERE type = 'purchase'
            WINDOW each AS (PARTITION BY member ORDER BY at)
        ) AS bought
        JOIN member ON member.number = bought.member AND bought.first <= member.registered_at
        GROUP BY bought.member
    ) AS found
    WHERE purchase_total.member = found.member
""")


def upgrade() -> None:
    """Apply."""
    op.get_bind().execute(CLOCKS)
