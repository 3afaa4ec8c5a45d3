"""What partners are still to be told about members, and where and how each is told."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from partners.tables import internal, metadata, personal

UNTIL_TOLD = "until everybody is told, 30 days at most"

concern = Table(
    "concern",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column(
        "member",
        BigInteger,
        nullable=False,
        index=True,
        info=internal(),
        comment="The number in the access log, which leads nowhere after an erasure (R45).",
    ),
    Column("topic", Text, nullable=False, info=internal()),
    Column("fields", ARRAY(Text), nullable=False, info=internal(), comment="As policies name them; none means all."),
    Column(
        "fields_since",
        ARRAY(DateTime(timezone=True)),
        nullable=False,
        server_default="{}",
        info=internal(),
        comment="Of each of `fields`: since when there was something to be received.",
    ),
    Column("audiences", ARRAY(Text), nullable=False, info=internal()),
    Column(
        "sealed_username",
        LargeBinary,
        info=personal(UNTIL_TOLD),
        comment="As models' studios know the member; gone once the recipients are found.",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Column("addressed_at", DateTime(timezone=True), info=internal(), comment="When its last recipient was found."),
    Index(None, "number", unique=True, postgresql_where=text("addressed_at IS NULL")),
    comment="Something that recipients of a member's data have to be told; written with the change itself.",
)

notice = Table(
    "notice",
    metadata,
    Column("id", Uuid, primary_key=True, info=internal(), comment="The `webhook-id`, the same at each attempt."),
    Column("concern", BigInteger, nullable=False, info=internal()),
    Column("partner", ForeignKey("partner.number"), nullable=False, info=internal()),
    Column("topic", Text, nullable=False, info=internal()),
    Column("fields", ARRAY(Text), nullable=False, info=internal()),
    Column(
        "sealed_subject",
        LargeBinary,
        info=personal(UNTIL_TOLD),
        comment="The member as this partner knows them; gone once it was told.",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("closed_at", DateTime(timezone=True), info=internal()),
    Column("outcome", Text, info=internal(), comment="Acknowledged, told by hand, or given up."),
    UniqueConstraint("concern", "partner"),
    Index(None, "partner", "concern", postgresql_where=text("closed_at IS NULL")),
    Index(None, "created_at", postgresql_where=text("closed_at IS NULL")),
    comment="One thing that one partner has to be told; no values.",
)

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    Column("partner", ForeignKey("partner.number"), primary_key=True, info=internal()),
    Column("url", Text, nullable=False, info=internal()),
    Column("sealed_secret", LargeBinary, nullable=False, info=internal(), comment="Encrypted: it signs."),
    Column("sealed_former_secret", LargeBinary, info=internal(), comment="Signs beside the new one for a while."),
    Column("former_until", DateTime(timezone=True), info=internal()),
    Column("added_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("failures", Integer, nullable=False, server_default="0", info=internal(), comment="In a row."),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("leased_until", DateTime(timezone=True), info=internal(), comment="While a worker is at it."),
    Column(
        "silent_since", DateTime(timezone=True), info=internal(), comment="The first failure since it was told all."
    ),
    Column("throttled_at", DateTime(timezone=True), info=internal(), comment="R65"),
    comment="Where a partner is told; one each.",
)
