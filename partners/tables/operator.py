"""What operators do at the command line. Append-only."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from partners.tables import internal, metadata

operator_act = Table(
    "operator_act",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("request_id", Text, nullable=False, info=internal(), comment="Finds the record in the access log."),
    Column("operator", Text, nullable=False, info=internal()),
    Column("operation", Text, nullable=False, info=internal()),
    Column("partner", Text, info=internal()),
    Column("client", Text, info=internal()),
    Column("subject", Text, info=internal(), comment="What else it was about: a key, a secret, a proposal."),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'"), info=internal()),
    Index(None, "partner", "number"),
    comment="What was done to partners, clients and keys, by whom: beside each record, what the log has no column for.",
)
