"""When the keys that sign the access log's checkpoints began and ceased to sign."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, Table, Text, func

from partners.tables import internal, metadata

log_key = Table(
    "log_key",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False, info=internal(), comment="From 1."),
    Column("state", Text, primary_key=True, info=internal(), comment="opened, closing or closed."),
    Column("size", BigInteger, nullable=False, info=internal(), comment="Of the log: the first or last size signed."),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="The first key signs from the beginning, and has no row before it is closed. Append-only.",
)
