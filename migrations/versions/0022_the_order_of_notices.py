"""Notices in order: that of a restriction's end comes after it (R54), and partners' go out as things were done."""

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
    op.drop_index("ix_notice_partner_id", table_name="notice")
    op.create_index(
        op.f("ix_notice_partner_concern"),
        "notice",
        ["partner", "concern"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )
