"""After which decision a member was told that a restriction would end: notice of an earlier one ends no later (R54)."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "rights_request",
        sa.Column(
            "notified_as",
            sa.Integer(),
            nullable=True,
            comment="After which request in that order notice was given: only what began before may end by it (R54).",
        ),
    )
    op.execute(
        """
        UPDATE rights_request SET notified_as = (
            SELECT coalesce(max(other.bound_as), 0) FROM rights_request AS other
            WHERE other.member_digest = rights_request.member_digest AND other.verified_at <= rights_request.notified_at
        )
        WHERE notified_at IS NOT NULL
        """
    )
