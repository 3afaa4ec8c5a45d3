"""The access log: who received which fields of whom, when, and what was withheld. Append-only."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    and_,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from partners.tables import internal, metadata
from partners.vocabulary import Outcome

NETWORK_KEPT = timedelta(days=120)
"""How long the address of a caller is kept, in the log and wherever else one is."""
REFUSALS = ", ".join(f"'{outcome}'" for outcome in (Outcome.DENIED, Outcome.NOT_FOUND, Outcome.LIMITED, Outcome.ERROR))


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in DDL."""
        return "xid8"

    def bind_processor(self, dialect: Dialect) -> Callable[[int | None], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Hand numbers over as text: PostgreSQL casts no integer to `xid8`."""
        return lambda number: None if number is None else str(number)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str], int]:  # noqa: ARG002 - likewise
        """Numbers come as text, because the driver does not know the type."""
        return int


ischema_names["xid8"] = TransactionId

access_log = Table(
    "access_log",
    metadata,
    Column("at", DateTime(timezone=True), primary_key=True, info=internal()),
    Column("id", Uuid, primary_key=True, info=internal(), comment="UUIDv7 of `at`: an id alone finds its partition."),
    Column("request_id", Text, nullable=False, info=internal()),
    Column("audience", Text, info=internal()),
    Column("partner", Text, info=internal()),
    Column("client", Text, info=internal()),
    Column("model", Text, info=internal()),
    Column("operation", Text, nullable=False, info=internal()),
    Column("purpose", Text, nullable=False, info=internal()),
    Column("outcome", Text, nullable=False, info=internal()),
    Column("status", SmallInteger, nullable=False, info=internal()),
    Column("reason", Text, info=internal()),
    Column("member_count", Integer, nullable=False, info=internal()),
    Column(
        "verdicts",
        JSONB,
        nullable=False,
        info=internal(),
        comment="Pairs of a verdict's condition bits and the number of members it was reached for.",
    ),
    Column("policy_version", Text, info=internal()),
    Column("case_number", Text, info=internal(), comment="For which case an auditor looked; else nothing."),
    Column("case_purpose", Text, info=internal()),
    Column("leaf", LargeBinary, nullable=False, info=internal(), comment="The exact bytes that are sealed."),
    Column(
        "transaction",
        TransactionId,
        nullable=False,
        server_default=text("pg_current_xact_id()"),
        info=internal(),
        comment="For sealing by snapshot horizon: ids are not in commit order.",
    ),
    Index(None, "partner", "at"),
    Index(None, "transaction"),
    # Hardly any record has a case, and few are refusals: the others pay nothing for these.
    Index(None, "case_number", "at", postgresql_where=text("case_number IS NOT NULL")),
    Index(None, "outcome", "at", postgresql_where=text(f"outcome IN ({REFUSALS})")),
    postgresql_partition_by="RANGE (at)",
)

access_subject = Table(
    "access_subject",
    metadata,
    Column("member", BigInteger, primary_key=True, info=internal(), comment="The number, not the id (R45)."),
    Column("at", DateTime(timezone=True), primary_key=True, info=internal()),
    Column("access", Uuid, primary_key=True, info=internal()),
    Column("verdict", BigInteger, nullable=False, info=internal()),
    Index(None, "access", "at"),
    postgresql_partition_by="RANGE (at)",
    comment="Whom an access was about, by member: answers 'who saw this member' by index.",
)


def _sets(name: str, comment: str) -> Table:
    """A table of subjects in sets: a row for all of a bucket of neighbouring numbers with one verdict."""
    return Table(
        name,
        metadata,
        Column("member_bucket", Integer, primary_key=True, info=internal(), comment="Member numbers, shifted."),
        Column("at", DateTime(timezone=True), primary_key=True, info=internal()),
        Column("access", Uuid, primary_key=True, info=internal()),
        Column("verdict", BigInteger, primary_key=True, info=internal()),
        Column("member_offsets", ARRAY(SmallInteger), nullable=False, info=internal(), comment="Within the bucket."),
        Index(None, "access", "at"),
        postgresql_partition_by="RANGE (at)",
        comment=comment,
    )


access_subject_set = _sets(
    "access_subject_set",
    "The same for bulk accesses, two bytes a member: a row for all of a bucket with one verdict.",
)
access_subject_block = _sets(
    "access_subject_block", "The same for pages, where a narrower bucket has many of their members."
)

access_network = Table(
    "access_network",
    metadata,
    Column("at", DateTime(timezone=True), primary_key=True, info=internal()),
    Column("access", Uuid, primary_key=True, info=internal()),
    Column("ip", INET, info=internal()),
    Column("salt", Uuid, nullable=False, info=internal(), comment="The leaf holds SHA-256 over salt and address."),
    Index(None, "ip", "at"),
    postgresql_partition_by="RANGE (at)",
    comment="Network data, apart from the record so that it can go after "
    f"{NETWORK_KEPT.days} days and leave every proof valid.",
)
NETWORK_OF_THE_RECORD = and_(access_network.c.at == access_log.c.at, access_network.c.access == access_log.c.id)

outside_disclosure = Table(
    "outside_disclosure",
    metadata,
    Column("id", Uuid, primary_key=True, info=internal(), comment="UUIDv7 of `at`."),
    Column("at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("member", BigInteger, nullable=False, index=True, info=internal(), comment="The number (R45)."),
    Column("recipient_kind", Text, nullable=False, info=internal()),
    Column("recipient", Text, nullable=False, info=internal()),
    Column("purpose", Text, nullable=False, info=internal()),
    Column("fields", ARRAY(Text), nullable=False, info=internal(), comment="Names, never values."),
    Column("entered_at", DateTime(timezone=True), nullable=False, info=internal()),
    comment="What was disclosed outside the gateway, entered by hand so that a member's list is complete (R27).",
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("version", Text, primary_key=True, info=internal()),
    Column("document", JSON, nullable=False, info=internal(), comment="The canonical policy the version is a hash of."),
    Column("activated_at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="Append-only, so that the verdicts of every record stay explainable (R31).",
)
