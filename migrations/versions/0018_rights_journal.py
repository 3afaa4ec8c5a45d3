"""Which entries of the rights journal, kept outside, the database has."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "journal_entry",
        sa.Column("id", sa.Uuid(), nullable=False, comment="The name of a file outside the database."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry")),
        comment="Which entries of the rights journal this database has: one that was set back lacks the newest (R41).",
    )
    op.create_index(op.f("ix_journal_entry_at"), "journal_entry", ["at"], unique=False)
    op.execute(f"GRANT SELECT, INSERT, DELETE ON journal_entry TO {Role.WRITE}")
