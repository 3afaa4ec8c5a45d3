"""When the keys that sign the access log's checkpoints began and ceased to sign."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_key",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False, comment="From 1."),
        sa.Column("state", sa.Text(), nullable=False, comment="opened, closing or closed."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Of the log: the first or last size signed."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("generation", "state", name=op.f("pk_log_key")),
        comment="The first key signs from the beginning, and has no row before it is closed. Append-only.",
    )
    op.execute(f"GRANT SELECT ON log_key TO {Role.WRITE}, {Role.SEAL}")
