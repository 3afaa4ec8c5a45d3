"""People of partners who sign in, what they allow third-party tools, and the tokens that hang on it."""

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
    false,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from partners.tables import internal, metadata
from partners.vocabulary import Status

person = Table(
    "person",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True, info=internal()),
    Column("id", Text, nullable=False, unique=True, info=internal(), comment="As the access log names the person."),
    Column("partner", ForeignKey("partner.number"), nullable=False, index=True, info=internal()),
    Column("name", Text, nullable=False, unique=True, info=internal(), comment="For signing in; in lower case."),
    Column("password_hash", Text, info=internal(), comment="argon2id; nothing until the invitation is taken up."),
    Column("sealed_factor", LargeBinary, info=internal(), comment="The secret of the one-time codes, encrypted."),
    Column("factor_step", BigInteger, info=internal(), comment="The time step of the last code: each works once."),
    Column("wrong_codes", Integer, nullable=False, server_default="0", info=internal()),
    Column("invitation", LargeBinary, unique=True, info=internal(), comment="SHA-256 of the token that sets it up."),
    Column("invited_until", DateTime(timezone=True), info=internal()),
    Column("status", Text, nullable=False, server_default=Status.ACTIVE, info=internal()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="Somebody who works for a partner; never a member.",
)

person_session = Table(
    "person_session",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the cookie."),
    Column("person", ForeignKey("person.number"), nullable=False, index=True, info=internal()),
    Column("seen_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("case_number", Text, info=internal(), comment="The case that an auditor works on."),
    Column("case_purpose", Text, info=internal()),
)

pushed_request = Table(
    "pushed_request",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the `request_uri`."),
    Column("client", ForeignKey("client.id"), nullable=False, info=internal()),
    Column("parameters", JSONB, nullable=False, info=internal()),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Index(None, "expires_at"),
    comment="Authorization requests that wait for the browser (RFC 9126); a row goes when it is used.",
)

grant_family = Table(
    "grant_family",
    metadata,
    Column("id", Text, primary_key=True, info=internal(), comment="The `fam` of every access token of this consent."),
    Column("client", ForeignKey("client.id"), nullable=False, index=True, info=internal()),
    Column("partner", ForeignKey("partner.number"), nullable=False, index=True, info=internal()),
    Column("person", ForeignKey("person.number"), nullable=False, info=internal(), comment="Who consented."),
    Column("scopes", ARRAY(Text), nullable=False, info=internal()),
    Column(
        "dpop_bound",
        Boolean,
        nullable=False,
        server_default=false(),
        info=internal(),
        comment="Whether a token of it was bound to a key: from then on all are (RFC 9449).",
    ),
    Column("created_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("used_at", DateTime(timezone=True), info=internal(), comment="When the client last got a token."),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal(), comment="Never extended."),
    Column("ended_at", DateTime(timezone=True), info=internal()),
    Column("ended_by", Text, info=internal(), comment="What ended it."),
    Index(None, "expires_at"),
    comment="One consent, and with it the family of tokens that come from it: they die together.",
)

authorization_code = Table(
    "authorization_code",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the code."),
    Column("family", ForeignKey("grant_family.id", ondelete="CASCADE"), nullable=False, index=True, info=internal()),
    Column("redirect_uri", Text, nullable=False, info=internal()),
    Column("challenge", Text, nullable=False, info=internal(), comment="PKCE, S256."),
    Column("dpop_key", Text, info=internal(), comment="The thumbprint it is bound to (`dpop_jkt`, RFC 9449 §10)."),
    Column("expires_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("used_at", DateTime(timezone=True), info=internal()),
)

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("digest", LargeBinary, primary_key=True, info=internal(), comment="SHA-256 of the token."),
    Column("family", ForeignKey("grant_family.id", ondelete="CASCADE"), nullable=False, index=True, info=internal()),
    Column("predecessor", LargeBinary, index=True, info=internal(), comment="The digest of the token it was got by."),
    Column("used_at", DateTime(timezone=True), info=internal(), comment="When it was first used."),
    Column(
        "superseded_at",
        DateTime(timezone=True),
        info=internal(),
        comment="When, unused, it was replaced by another successor of the same token.",
    ),
)
