"""Members' requests and where they stand."""

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text

from partners.tables import internal, metadata, personal

JOURNAL = "ten years, as proof of compliance"

rights_request = Table(
    "rights_request",
    metadata,
    Column("id", Text, primary_key=True, info=internal()),
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
    Column("authorization", Text, info=personal(JOURNAL)),
    Column("reason", Text, info=personal(JOURNAL)),
    Column("purpose", Text, info=internal()),
    Column("received_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("due_at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("verified_at", DateTime(timezone=True), info=internal()),
    Column("notified_at", DateTime(timezone=True), info=internal()),
    Column("extended_at", DateTime(timezone=True), info=internal()),
    Column("closed_at", DateTime(timezone=True), info=internal()),
    Index(None, "member_digest", "received_at"),
)
