"""When clients and their secrets were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TO_THE_HOUR = "To the hour."


def upgrade() -> None:
    """Apply. Who is registered already counts as used today."""
    at = sa.DateTime(timezone=True)
    op.add_column("client", sa.Column("last_used_at", at, nullable=True, comment=TO_THE_HOUR))
    op.add_column("client", sa.Column("resumed_at", at, nullable=True))
    op.add_column("client_secret", sa.Column("last_used_at", at, nullable=True, comment=TO_THE_HOUR))
    op.execute("UPDATE client SET resumed_at = now()")
