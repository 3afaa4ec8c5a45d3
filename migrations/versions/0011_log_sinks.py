"""Where the sealed log is pushed to."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_sink",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False, comment="In which words: ndjson, ocsf or cef."),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True, comment="Encrypted: it signs what is posted."),
        sa.Column(
            "authorities", sa.Text(), nullable=True, comment="Certificates (PEM) trusted instead of the system's."
        ),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Index of the last entry it has."),
        sa.Column(
            "sending",
            sa.BigInteger(),
            nullable=True,
            comment="Up to which index the batch under way goes: on record.",
        ),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False, comment="Of a lone entry."),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="In a row."),
        sa.Column("trouble", sa.Text(), nullable=True, comment="What the last failure was; nothing after a success."),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True, comment="While a worker is at it."),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True, comment="When it last took something."),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True, comment="A worker's last sign of life."),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_log_sink")),
        comment="A security tool that sealed entries of the access log are pushed to, in order.",
    )
    op.create_table(
        "log_sink_refusal",
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False, comment="What the sink answered."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["sink"], ["log_sink.name"], name=op.f("fk_log_sink_refusal_sink"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sink", "index", name=op.f("pk_log_sink_refusal")),
        comment="Entries that a sink would not take, passed over so that the rest gets there; they stay in the log.",
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON log_sink, log_sink_refusal TO {Role.WRITE}")
