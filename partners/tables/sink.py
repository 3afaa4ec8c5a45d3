"""Where the sealed log is pushed to, how far each place has come, and what none of them would take."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)

from partners.tables import internal, metadata

log_sink = Table(
    "log_sink",
    metadata,
    Column("name", Text, primary_key=True, info=internal()),
    Column(
        "number",
        BigInteger,
        Identity(always=True),
        nullable=False,
        unique=True,
        info=internal(),
        comment="A sink that is made anew under a name has another one.",
    ),
    Column("url", Text, nullable=False, info=internal()),
    Column("form", Text, nullable=False, info=internal(), comment="In which words: ndjson, ocsf or cef."),
    Column("sealed_secret", LargeBinary, info=internal(), comment="Encrypted: it signs what is posted."),
    Column("sealed_former_secret", LargeBinary, info=internal(), comment="Signs beside the new one for a while."),
    Column("former_until", DateTime(timezone=True), info=internal()),
    Column("authorities", Text, info=internal(), comment="Certificates (PEM) trusted instead of the system's."),
    Column("position", BigInteger, nullable=False, info=internal(), comment="Index of the last entry it has."),
    Column("sending", BigInteger, info=internal(), comment="Up to which index the batch under way goes: on record."),
    Column("refusals", Integer, nullable=False, server_default="0", info=internal(), comment="Of a lone entry."),
    Column("failures", Integer, nullable=False, server_default="0", info=internal(), comment="In a row."),
    Column("trouble", Text, info=internal(), comment="What the last failure was; nothing after a success."),
    Column("is_paused", Boolean, nullable=False, server_default=text("false"), info=internal()),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Column("leased_until", DateTime(timezone=True), info=internal(), comment="While a worker is at it."),
    Column("delivered_at", DateTime(timezone=True), info=internal(), comment="When it last took something."),
    Column("looked_at", DateTime(timezone=True), info=internal(), comment="A worker's last sign of life."),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="A security tool that sealed entries of the access log are pushed to, in order.",
)

log_sink_refusal = Table(
    "log_sink_refusal",
    metadata,
    Column("sink", ForeignKey("log_sink.name", ondelete="CASCADE"), primary_key=True, info=internal()),
    Column("index", BigInteger, primary_key=True, autoincrement=False, info=internal()),
    Column("status", Integer, nullable=False, info=internal(), comment="What the sink answered."),
    Column("at", DateTime(timezone=True), nullable=False, info=internal()),
    comment="Entries that a sink would not take, passed over so that the rest gets there; they stay in the log.",
)
