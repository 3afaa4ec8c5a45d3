"""Since when there is each item of a profile: only who read it since received something, and is told (R22, R61)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "profile",
        sa.Column(
            "present_since",
            postgresql.JSONB(),
            nullable=False,
            server_default="{}",
            comment="Since when there is each item, by its name: who read before received none. None means always.",
        ),
    )
    op.add_column(
        "concern",
        sa.Column(
            "fields_since",
            postgresql.ARRAY(sa.DateTime(timezone=True)),
            nullable=False,
            server_default="{}",
            comment="Of each of `fields`: since when there was something to be received.",
        ),
    )
