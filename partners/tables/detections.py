"""Detections over the access log: what is counted of it, and the alerts that were raised. No member stands in it."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import CIDR, JSONB

from partners.tables import internal, metadata
from partners.vocabulary import AlertState

EVERY = ""
"""Stands for the client or the model in a row that is about all of them."""

partner_day = Table(
    "partner_day",
    metadata,
    Column("partner", Text, primary_key=True, info=internal()),
    Column("client", Text, primary_key=True, info=internal(), comment="Empty in a row about all clients."),
    Column("model", Text, primary_key=True, info=internal(), comment="Empty in a row about all models."),
    Column("day", Date, primary_key=True, info=internal(), comment="UTC."),
    Column("requests", BigInteger, nullable=False, info=internal()),
    Column("missed", BigInteger, nullable=False, info=internal(), comment="Look-ups of nobody that it may know of."),
    Column("members", BigInteger, nullable=False, info=internal(), comment="Different ones, as `sketch` estimates."),
    Column("steps_up", BigInteger, nullable=False, info=internal(), comment="Look-ups of a later member than before."),
    Column("steps_down", BigInteger, nullable=False, info=internal()),
    Column("reachable", BigInteger, info=internal(), comment="Members there were to be had, where that was asked."),
    Column("sketch", LargeBinary, info=internal(), comment="HyperLogLog: how many, never who."),
    Index(None, "day"),
)

partner_hour = Table(
    "partner_hour",
    metadata,
    Column("partner", Text, primary_key=True, info=internal()),
    Column("client", Text, primary_key=True, info=internal()),
    Column("hour", DateTime(timezone=True), primary_key=True, info=internal()),
    Column("requests", BigInteger, nullable=False, info=internal()),
    Column("refused", BigInteger, nullable=False, info=internal(), comment="For want of a scope."),
    Column("missed", BigInteger, nullable=False, info=internal()),
    Column("members", BigInteger, nullable=False, info=internal(), comment="Whoever was released twice counts twice."),
    Column("largest", Integer, nullable=False, info=internal(), comment="Members in the largest single release."),
    Index(None, "hour"),
)

client_seen = Table(
    "client_seen",
    metadata,
    Column("client", Text, primary_key=True, info=internal()),
    Column("partner", Text, nullable=False, index=True, info=internal()),
    Column("first_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("last_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column(
        "woke_at", DateTime(timezone=True), index=True, info=internal(), comment="The last call after long silence."
    ),
)

client_network = Table(
    "client_network",
    metadata,
    Column("client", Text, primary_key=True, info=internal()),
    Column(
        "network", CIDR, primary_key=True, info=internal(), comment="/24 or /48; gone 120 days after the last call."
    ),
    Column("first_at", DateTime(timezone=True), nullable=False, index=True, info=internal()),
    Column("last_at", DateTime(timezone=True), nullable=False, index=True, info=internal()),
)

detection_progress = Table(
    "detection_progress",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False, info=internal(), comment="Always 1: one row."),
    Column("next_index", BigInteger, nullable=False, info=internal(), comment="The first sealed entry not counted."),
    Column("judged_until", DateTime(timezone=True), info=internal()),
    Column("run_at", DateTime(timezone=True), info=internal(), comment="Of the record that the last run left."),
    Column("run_request", Text, info=internal(), comment="Of that record, too: the next run looks for it."),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True, info=internal(), comment="UUIDv7: newest first by id."),
    Column("rule", Text, nullable=False, info=internal()),
    Column("tier", Text, nullable=False, info=internal()),
    Column("state", Text, nullable=False, server_default=AlertState.OPEN, info=internal()),
    Column("partner", Text, info=internal(), comment="None where it is about the log itself."),
    Column("client", Text, info=internal()),
    Column("model", Text, info=internal()),
    Column("aspect", Text, info=internal(), comment="Which kind of gap in the log."),
    Column("network", CIDR, info=internal(), comment="Gone after 120 days, as every address is."),
    Column("since", DateTime(timezone=True), nullable=False, info=internal()),
    Column("until", DateTime(timezone=True), nullable=False, info=internal()),
    Column("raised_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("summary", Text, nullable=False, info=internal(), comment="In words."),
    Column("measured", Double, nullable=False, info=internal()),
    Column("threshold", Double, nullable=False, info=internal()),
    Column("figures", JSONB, nullable=False, info=internal(), comment="The baseline it was held against."),
    Column("evidence", ARRAY(Uuid), nullable=False, info=internal(), comment="Some of the records."),
    Column("evidence_count", BigInteger, nullable=False, info=internal(), comment="How many there are in all."),
    Column("request_id", Text, nullable=False, info=internal(), comment="Of the record of its raising."),
    Column("acknowledged_at", DateTime(timezone=True), info=internal()),
    Column("acknowledged_by", Text, info=internal()),
    Column("closed_at", DateTime(timezone=True), info=internal()),
    Column("closed_by", Text, info=internal()),
    Column("note", Text, info=internal()),
    Index(
        "ix_alert_whom_when",
        "rule",
        "partner",
        "client",
        "model",
        "aspect",
        "since",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "state", "tier"),
)

alert_floor = Table(
    "alert_floor",
    metadata,
    Column("rule", Text, primary_key=True, info=internal()),
    Column("partner", Text, primary_key=True, info=internal()),
    Column("client", Text, primary_key=True, info=internal(), comment="Empty where the alert is about none."),
    Column("model", Text, primary_key=True, info=internal(), comment="Empty where the alert is about none."),
    Column("network", Text, primary_key=True, info=internal(), comment="Empty where the alert is about none."),
    Column("value", Double, nullable=False, info=internal(), comment="What is not above it is not told."),
    Column("until", DateTime(timezone=True), nullable=False, info=internal()),
    Column("alert", Uuid, nullable=False, info=internal(), comment="The alert that was marked as false."),
    Column("set_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("set_by", Text, nullable=False, info=internal()),
    comment="What false-positive marks have raised, until they expire.",
)
