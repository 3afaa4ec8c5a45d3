"""What the security team keeps for itself: searches that it asks again and again."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Table, Text, UniqueConstraint, func

from partners.tables import internal, metadata

saved_search = Table(
    "saved_search",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("partner", ForeignKey("partner.number"), nullable=False, info=internal(), comment="Whose people see it."),
    Column("name", Text, nullable=False, info=internal()),
    Column("query", Text, nullable=False, info=internal(), comment="Never about a member: such a one is not saved."),
    Column("person", ForeignKey("person.number"), nullable=False, info=internal(), comment="Who saved it."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    UniqueConstraint("partner", "name"),
    comment="Searches of the access log that people of an auditor share.",
)
