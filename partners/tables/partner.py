"""Partners, their clients and keys, and the campaigns of webmasters."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, JSONB

from partners.tables import internal, metadata
from partners.vocabulary import Status

partner = Table(
    "partner",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("id", Text, nullable=False, unique=True, info=internal()),
    Column("kind", Text, nullable=False, info=internal()),
    Column("name", Text, nullable=False, info=internal()),
    Column("country", Text, nullable=False, info=internal()),
    Column("safeguard", Text, info=internal()),
    Column("terms_accepted_at", DateTime(timezone=True), info=internal()),
    Column("terms_version", Text, nullable=False, server_default="1", info=internal(), comment="What was accepted."),
    Column("status", Text, nullable=False, server_default=Status.ACTIVE, info=internal()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
)

partner_limit = Table(
    "partner_limit",
    metadata,
    Column("partner", ForeignKey("partner.number"), primary_key=True, info=internal()),
    Column("work", Text, primary_key=True, info=internal()),
    Column("rate", Text, nullable=False, info=internal(), comment="Such as `100/minute`."),
)

campaign = Table(
    "campaign",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("partner", ForeignKey("partner.number"), nullable=False, info=internal()),
    Column("code", Text, nullable=False, info=internal()),
    Column("name", Text, nullable=False, info=internal()),
    UniqueConstraint("partner", "code"),
)

client = Table(
    "client",
    metadata,
    Column("id", Text, primary_key=True, info=internal()),
    Column("partner", ForeignKey("partner.number"), nullable=False, index=True, info=internal()),
    Column("auth_method", Text, nullable=False, info=internal()),
    Column("scopes", ARRAY(Text), nullable=False, info=internal()),
    Column("jwks", JSONB, info=internal()),
    Column("allowed_networks", ARRAY(CIDR), nullable=False, server_default=text("'{}'"), info=internal()),
    Column("redirect_uris", ARRAY(Text), nullable=False, server_default=text("'{}'"), info=internal()),
    Column(
        "dpop_bound",
        Boolean,
        nullable=False,
        server_default=false(),
        info=internal(),
        comment="Whether it gets bound tokens only (RFC 9449 §5.2).",
    ),
    Column("status", Text, nullable=False, server_default=Status.ACTIVE, info=internal()),
    Column(
        "version",
        Integer,
        nullable=False,
        server_default="1",
        info=internal(),
        comment="Raised by suspension and by every narrowing: tokens carry it, so older ones die at once.",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Column("last_used_at", DateTime(timezone=True), info=internal(), comment="To the hour."),
    Column("resumed_at", DateTime(timezone=True), info=internal()),
)

client_secret = Table(
    "client_secret",
    metadata,
    Column("client", ForeignKey("client.id"), primary_key=True, info=internal()),
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of a 256-bit random secret."),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Column("expires_at", DateTime(timezone=True), info=internal()),
    Column("last_used_at", DateTime(timezone=True), info=internal(), comment="To the hour."),
)

issuer = Table(
    "issuer",
    metadata,
    Column("id", Text, primary_key=True, info=internal(), comment="The `iss` of the session JWTs it signs."),
    Column("jwks", JSONB, nullable=False, info=internal()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
)

issuer_client = Table(
    "issuer_client",
    metadata,
    Column("issuer", ForeignKey("issuer.id"), primary_key=True, info=internal()),
    Column("client", ForeignKey("client.id"), primary_key=True, info=internal()),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", Text, primary_key=True, info=internal(), comment="RFC 7638 thumbprint, the `kid`."),
    Column("algorithm", Text, nullable=False, info=internal()),
    Column("public", JSONB, nullable=False, info=internal()),
    Column("sealed_private", LargeBinary, info=internal(), comment="Gone as soon as the key signs no more."),
    Column("state", Text, nullable=False, info=internal(), comment="pending, active, retiring or retired"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    Column("activated_at", DateTime(timezone=True), info=internal()),
    Column("retiring_at", DateTime(timezone=True), info=internal()),
    Column("retired_at", DateTime(timezone=True), info=internal()),
    Index("ix_signing_key_active", "state", unique=True, postgresql_where=text("state = 'active'")),
)

spent_assertion = Table(
    "spent_assertion",
    metadata,
    Column("client", Text, primary_key=True, info=internal()),
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the assertion's `jti`."),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Index(None, "expires_at"),
)

spent_proof = Table(
    "spent_proof",
    metadata,
    Column(
        "key", LargeBinary, primary_key=True, info=internal(), comment="RFC 7638 thumbprint of the key that signed."
    ),
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the proof's `jti`."),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Index(None, "expires_at"),
    comment="DPoP proofs that were used (RFC 9449 §11.1).",
)

denied_token = Table(
    "denied_token",
    metadata,
    Column("id", Text, primary_key=True, info=internal(), comment="The `jti` of an access token, or a key's id."),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
)
