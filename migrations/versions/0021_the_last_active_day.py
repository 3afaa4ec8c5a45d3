"""The last day of which a device or an action was removed: nobody is taken for inactive before its time (R44)."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "purchase_total",
        sa.Column(
            "active_on",
            sa.Date(),
            nullable=True,
            comment="The newest day of which usage data was removed in time: R44 asks how long ago that was.",
        ),
    )
