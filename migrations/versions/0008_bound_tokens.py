"""Access tokens bound to a key (RFC 9449): who gets no others, and which proofs were used."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "spent_proof",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="RFC 7638 thumbprint of the key that signed."),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the proof's `jti`."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", "digest", name=op.f("pk_spent_proof")),
        comment="DPoP proofs that were used (RFC 9449 §11.1).",
    )
    op.create_index(op.f("ix_spent_proof_expires_at"), "spent_proof", ["expires_at"], unique=False)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON spent_proof TO {Role.WRITE}")
    for table, comment in (
        ("client", "Whether it gets bound tokens only (RFC 9449 §5.2)."),
        ("grant_family", "Whether a token of it was bound to a key: from then on all are (RFC 9449)."),
    ):
        op.add_column(
            table,
            sa.Column("dpop_bound", sa.Boolean(), server_default=sa.false(), nullable=False, comment=comment),
        )
    op.add_column(
        "authorization_code",
        sa.Column(
            "dpop_key", sa.Text(), nullable=True, comment="The thumbprint it is bound to (`dpop_jkt`, RFC 9449 §10)."
        ),
    )
