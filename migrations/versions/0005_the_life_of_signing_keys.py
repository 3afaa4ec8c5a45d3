"""The life of signing keys, and the journal of what operators do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("activated_at", "retiring_at", "retired_at"):
        op.add_column("signing_key", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.alter_column("signing_key", "sealed_private", nullable=True, comment="Gone as soon as the key signs no more.")
    op.alter_column("denied_token", "id", comment="The `jti` of an access token, or a key's id.")
    # One key signs; where there were two, the newest.
    op.execute(
        "UPDATE signing_key SET state = 'retiring' WHERE state = 'active' AND id <> "
        "(SELECT id FROM signing_key WHERE state = 'active' ORDER BY created_at DESC, id LIMIT 1)"
    )
    op.execute("UPDATE signing_key SET activated_at = created_at WHERE state <> 'pending'")
    op.execute("UPDATE signing_key SET retiring_at = now() WHERE state = 'retiring'")
    op.execute("UPDATE signing_key SET retired_at = now() WHERE state = 'retired'")
    op.execute("UPDATE signing_key SET sealed_private = NULL WHERE state IN ('retiring', 'retired')")
    op.create_index(
        op.f("ix_signing_key_active"), "signing_key", ["state"], unique=True, postgresql_where="state = 'active'"
    )
    _journal()


def _journal() -> None:
    op.create_table(
        "operator_act",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False, comment="Finds the record in the access log."),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True, comment="What else it was about: a key, a secret, a proposal."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_operator_act")),
        comment="What was done to partners, clients and keys, by whom: beside each record, "
        "what the log has no column for.",
    )
    op.create_index(op.f("ix_operator_act_partner_number"), "operator_act", ["partner", "number"])
    op.execute(f"GRANT SELECT, INSERT ON operator_act TO {Role.WRITE}")
