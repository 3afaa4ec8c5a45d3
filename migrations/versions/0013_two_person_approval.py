"""Proposals of operators, for others to approve."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    at = sa.DateTime(timezone=True)
    op.create_table(
        "two_person_rule",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("since", at, nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_two_person_rule_singleton")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_two_person_rule")),
        comment="A row while grants of member-level scopes need two operators.",
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="grant, or waive: an end of the rule itself."),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", at, nullable=False),
        sa.Column("expires_at", at, nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", at, nullable=True),
        sa.Column("decision", sa.Text(), nullable=True, comment="approved or refused"),
        sa.ForeignKeyConstraint(["client"], ["client.id"], name=op.f("fk_approval_client")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        comment="What one operator proposed and another decides.",
    )
    op.create_index(op.f("ix_approval_client"), "approval", ["client"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON approval TO {Role.WRITE}")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON two_person_rule TO {Role.WRITE}")
