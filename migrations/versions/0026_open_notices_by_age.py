"""Open notices by their age: what waits for too long is found without a look at what was told (R65)."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        op.f("ix_notice_created_at"), "notice", ["created_at"], postgresql_where=sa.text("closed_at IS NULL")
    )
