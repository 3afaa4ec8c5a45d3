"""Which version of the terms a partner accepted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply: what was accepted so far was the first version."""
    accepted = sa.Column("terms_version", sa.Text(), server_default="1", nullable=False, comment="What was accepted.")
    op.add_column("partner", accepted)
