"""Sinks of the log have numbers, which no other has after them, and a former secret that signs for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "log_sink",
        sa.Column(
            "number",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="A sink that is made anew under a name has another one.",
        ),
    )
    op.create_unique_constraint(op.f("uq_log_sink_number"), "log_sink", ["number"])
    op.add_column(
        "log_sink",
        sa.Column(
            "sealed_former_secret", sa.LargeBinary(), nullable=True, comment="Signs beside the new one for a while."
        ),
    )
    op.add_column("log_sink", sa.Column("former_until", sa.DateTime(timezone=True), nullable=True))
