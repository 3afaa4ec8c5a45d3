"""Subjects of pages in blocks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_subject_block",
        sa.Column("member_bucket", sa.Integer(), nullable=False, comment="Member numbers, shifted."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.BigInteger(), nullable=False),
        sa.Column("member_offsets", postgresql.ARRAY(sa.SmallInteger()), nullable=False, comment="Within the bucket."),
        sa.PrimaryKeyConstraint("member_bucket", "at", "access", "verdict", name=op.f("pk_access_subject_block")),
        comment="The same for pages, where a narrower bucket has many of their members.",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("ix_access_subject_block_access_at"), "access_subject_block", ["access", "at"], unique=False)
    op.execute(f"GRANT SELECT, INSERT ON access_subject_block TO {Role.WRITE}")
    op.execute(f"GRANT INSERT ON access_subject_block TO {Role.RELEASE}")
