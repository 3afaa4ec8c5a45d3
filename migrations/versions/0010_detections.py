"""Detections over the access log: what is counted of it, the alerts, and the floors that false ones raised."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTED = "partner_day, partner_hour, client_seen, client_network, detection_progress, alert_floor"


def upgrade() -> None:
    """Apply."""
    _create_counters()
    _create_alerts()
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {COUNTED} TO {Role.WRITE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON alert TO {Role.WRITE}")


def _create_counters() -> None:
    op.create_table(
        "partner_day",
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False, comment="Empty in a row about all clients."),
        sa.Column("model", sa.Text(), nullable=False, comment="Empty in a row about all models."),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC."),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False, comment="Look-ups of nobody that it may know of."),
        sa.Column("members", sa.BigInteger(), nullable=False, comment="Different ones, as `sketch` estimates."),
        sa.Column("steps_up", sa.BigInteger(), nullable=False, comment="Look-ups of a later member than before."),
        sa.Column("steps_down", sa.BigInteger(), nullable=False),
        sa.Column(
            "reachable", sa.BigInteger(), nullable=True, comment="Members there were to be had, where that was asked."
        ),
        sa.Column("sketch", sa.LargeBinary(), nullable=True, comment="HyperLogLog: how many, never who."),
        sa.PrimaryKeyConstraint("partner", "client", "model", "day", name=op.f("pk_partner_day")),
    )
    op.create_index(op.f("ix_partner_day_day"), "partner_day", ["day"], unique=False)
    op.create_table(
        "partner_hour",
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False, comment="For want of a scope."),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False, comment="Whoever was released twice counts twice."),
        sa.Column("largest", sa.Integer(), nullable=False, comment="Members in the largest single release."),
        sa.PrimaryKeyConstraint("partner", "client", "hour", name=op.f("pk_partner_hour")),
    )
    op.create_index(op.f("ix_partner_hour_hour"), "partner_hour", ["hour"], unique=False)
    op.create_table(
        "client_seen",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("woke_at", sa.DateTime(timezone=True), nullable=True, comment="The last call after long silence."),
        sa.PrimaryKeyConstraint("client", name=op.f("pk_client_seen")),
    )
    op.create_index(op.f("ix_client_seen_partner"), "client_seen", ["partner"], unique=False)
    op.create_index(op.f("ix_client_seen_woke_at"), "client_seen", ["woke_at"], unique=False)
    op.create_table(
        "client_network",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column(
            "network", postgresql.CIDR(), nullable=False, comment="/24 or /48; gone 120 days after the last call."
        ),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client", "network", name=op.f("pk_client_network")),
    )
    op.create_index(op.f("ix_client_network_first_at"), "client_network", ["first_at"], unique=False)
    op.create_index(op.f("ix_client_network_last_at"), "client_network", ["last_at"], unique=False)
    op.create_table(
        "detection_progress",
        sa.Column("only", sa.Integer(), autoincrement=False, nullable=False, comment="Always 1: one row."),
        sa.Column("next_index", sa.BigInteger(), nullable=False, comment="The first sealed entry not counted."),
        sa.Column("judged_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=True, comment="Of the record that the last run left."),
        sa.Column("run_request", sa.Text(), nullable=True, comment="Of that record, too: the next run looks for it."),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_detection_progress")),
    )


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7: newest first by id."),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("partner", sa.Text(), nullable=True, comment="None where it is about the log itself."),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("aspect", sa.Text(), nullable=True, comment="Which kind of gap in the log."),
        sa.Column("network", postgresql.CIDR(), nullable=True, comment="Gone after 120 days, as every address is."),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False, comment="In words."),
        sa.Column("measured", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False, comment="The baseline it was held against."),
        sa.Column("evidence", sa.ARRAY(sa.Uuid()), nullable=False, comment="Some of the records."),
        sa.Column("evidence_count", sa.BigInteger(), nullable=False, comment="How many there are in all."),
        sa.Column("request_id", sa.Text(), nullable=False, comment="Of the record of its raising."),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(
        "ix_alert_whom_when",
        "alert",
        ["rule", "partner", "client", "model", "aspect", "since"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(op.f("ix_alert_state_tier"), "alert", ["state", "tier"], unique=False)
    op.create_table(
        "alert_floor",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False, comment="What is not above it is not told."),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alert", sa.Uuid(), nullable=False, comment="The alert that was marked as false."),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "partner", name=op.f("pk_alert_floor")),
        comment="What false-positive marks have raised, until they expire.",
    )
