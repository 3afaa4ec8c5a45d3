"""The outbox: what recipients have to be told about members, and where each is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = "concern, notice, webhook_endpoint"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "concern",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "member",
            sa.BigInteger(),
            nullable=False,
            comment="The number in the access log, which leads nowhere after an erasure (R45).",
        ),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column(
            "fields", postgresql.ARRAY(sa.Text()), nullable=False, comment="As policies name them; none means all."
        ),
        sa.Column("audiences", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "sealed_username",
            sa.LargeBinary(),
            nullable=True,
            comment="As models' studios know the member; gone once the recipients are found.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "addressed_at", sa.DateTime(timezone=True), nullable=True, comment="When its last recipient was found."
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_concern")),
        comment="Something that recipients of a member's data have to be told; written with the change itself.",
    )
    op.create_index(op.f("ix_concern_member"), "concern", ["member"], unique=False)
    op.create_index(
        op.f("ix_concern_number"),
        "concern",
        ["number"],
        unique=True,
        postgresql_where=sa.text("addressed_at IS NULL"),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False, comment="The `webhook-id`, the same at each attempt."),
        sa.Column("concern", sa.BigInteger(), nullable=False),
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "sealed_subject",
            sa.LargeBinary(),
            nullable=True,
            comment="The member as this partner knows them; gone once it was told.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="Acknowledged, told by hand, or given up."),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_notice_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("concern", "partner", name=op.f("uq_notice_concern_partner")),
        comment="One thing that one partner has to be told; no values.",
    )
    op.create_index(
        op.f("ix_notice_partner_id"),
        "notice",
        ["partner", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    _endpoints()
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {TABLES} TO {Role.WRITE}")


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("partner", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False, comment="Encrypted: it signs."),
        sa.Column(
            "sealed_former_secret",
            sa.LargeBinary(),
            nullable=True,
            comment="Signs beside the new one for a while.",
        ),
        sa.Column("former_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="In a row."),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True, comment="While a worker is at it."),
        sa.Column(
            "silent_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="The first failure since it was told all.",
        ),
        sa.Column("throttled_at", sa.DateTime(timezone=True), nullable=True, comment="R65"),
        sa.ForeignKeyConstraint(["partner"], ["partner.number"], name=op.f("fk_webhook_endpoint_partner")),
        sa.PrimaryKeyConstraint("partner", name=op.f("pk_webhook_endpoint")),
        comment="Where a partner is told; one each.",
    )
