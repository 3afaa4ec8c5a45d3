"""The months of the access log that were let go."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_pruning",
        sa.Column("month", sa.Date(), nullable=False, comment="Its first day."),
        sa.Column("access", sa.Uuid(), nullable=False, comment="The record that says so."),
        sa.Column(
            "leaf",
            sa.LargeBinary(),
            nullable=False,
            comment="That record's exact bytes: it must be known when its own month is gone too.",
        ),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_log_pruning")),
        sa.UniqueConstraint("access", name=op.f("uq_log_pruning_access")),
        comment="Every month of the access log whose records were let go or are about to be. Append-only.",
    )
    # Only the tables' owner lets a month go: no role of a running gateway writes here.
    op.execute(f"GRANT SELECT ON log_pruning TO {Role.WRITE}")
