"""What operators do at the command line, and what one of them proposes for another to approve."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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

two_person_rule = Table(
    "two_person_rule",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=true(), info=internal()),
    Column("since", DateTime(timezone=True), nullable=False, info=internal()),
    CheckConstraint("singleton", name="singleton"),
    comment="A row while grants of member-level scopes need two operators.",
)

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True, info=internal()),
    Column("kind", Text, nullable=False, info=internal(), comment="grant, or waive: an end of the rule itself."),
    Column("client", ForeignKey("client.id"), index=True, info=internal()),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=internal()),
    Column("proposed_by", Text, nullable=False, info=internal()),
    Column("proposed_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("decided_by", Text, info=internal()),
    Column("decided_at", DateTime(timezone=True), info=internal()),
    Column("decision", Text, info=internal(), comment="approved or refused"),
    comment="What one operator proposed and another decides.",
)
