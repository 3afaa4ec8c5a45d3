"""Members' requests and where they stand."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, LargeBinary, Table, Text, Uuid

from partners.tables import internal, metadata, personal

JOURNAL = "ten years, as proof of compliance"
SEALED = "Sealed at rest: free text may name the person."

rights_request = Table(
    "rights_request",
    metadata,
    Column("id", Text, primary_key=True, info=internal()),
    Column(
        "number",
        BigInteger,
        Identity(always=True),
        nullable=False,
        unique=True,
        info=internal(),
        comment="The order of recording.",
    ),
    Column(
        "member_digest",
        LargeBinary,
        nullable=False,
        info=personal(JOURNAL),
        comment="Keyed hash of the platform's id: a request outlives the erasure it asks for (R45).",
    ),
    Column("type", Text, nullable=False, info=internal()),
    Column("status", Text, nullable=False, info=internal()),
    Column("via", Text, nullable=False, info=internal()),
    Column("authorization", LargeBinary, info=personal(JOURNAL), comment=SEALED),
    Column("reason", LargeBinary, info=personal(JOURNAL), comment=SEALED),
    Column("purpose", LargeBinary, info=personal(JOURNAL), comment=SEALED),
    Column("extension_reason", LargeBinary, info=personal(JOURNAL), comment=SEALED),
    Column("refusal_reason", LargeBinary, info=personal(JOURNAL), comment=SEALED),
    Column("received_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("due_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("verified_at", DateTime(timezone=True), info=internal()),
    Column(
        "bound_as",
        Integer,
        info=internal(),
        comment="The order in which the member's requests came to bind; the newest that was not refused decides.",
    ),
    Column("notified_at", DateTime(timezone=True), info=internal()),
    Column(
        "notified_as",
        Integer,
        info=internal(),
        comment="After which request in that order notice was given: only what began before may end by it (R54).",
    ),
    Column("extended_at", DateTime(timezone=True), info=internal()),
    Column("closed_at", DateTime(timezone=True), info=internal()),
    Index(None, "member_digest", "number"),
)

journal_entry = Table(
    "journal_entry",
    metadata,
    Column("id", Uuid, primary_key=True, info=internal(), comment="The name of a file outside the database."),
    Column("at", DateTime(timezone=True), nullable=False, index=True, info=internal()),
    comment="Which entries of the rights journal this database has: one that was set back lacks the newest (R41).",
)
