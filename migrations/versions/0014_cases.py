"""For which case an auditor looks at the log, and indexes for what is looked for most: refusals and cases."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for table, comment in (
        ("access_log", "For which case an auditor looked; else nothing."),
        ("person_session", "The case that an auditor works on."),
    ):
        op.add_column(table, sa.Column("case_number", sa.Text(), nullable=True, comment=comment))
        op.add_column(table, sa.Column("case_purpose", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_access_log_case_number_at"),
        "access_log",
        ["case_number", "at"],
        unique=False,
        postgresql_where=sa.text("case_number IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_access_log_outcome_at"),
        "access_log",
        ["outcome", "at"],
        unique=False,
        postgresql_where=sa.text("outcome IN ('denied', 'not_found', 'limited', 'error')"),
    )
