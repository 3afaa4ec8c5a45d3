"""The sealed log: a Merkle tree over the records of `access_log`, and the checkpoints signed for it. Append-only."""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, SmallInteger, Table, Text, Uuid, func

from partners.tables import internal, metadata
from partners.tables.access import TransactionId

sealed_leaf = Table(
    "sealed_leaf",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False, info=internal(), comment="From 0, without gap."),
    Column("hash", LargeBinary, nullable=False, info=internal(), comment="SHA-256(0x00 ‖ leaf), as RFC 6962 has it."),
    Column("at", DateTime(timezone=True), nullable=False, info=internal()),
    Column("access", Uuid, nullable=False, info=internal()),
    Index(None, "access", unique=True),
    comment="The order of the log: one row for each sealed record. It outlives the record (no foreign key).",
)

sealed_node = Table(
    "sealed_node",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False, info=internal(), comment="Of 8 heights each."),
    Column("number", BigInteger, primary_key=True, autoincrement=False, info=internal()),
    Column("hash", LargeBinary, nullable=False, info=internal()),
    comment="The root of every complete subtree of 256, 65,536, … leaves, so that proofs need few reads.",
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column(
        "number", BigInteger, primary_key=True, autoincrement=False, info=internal(), comment="From 1, without gap."
    ),
    Column("size", BigInteger, nullable=False, info=internal()),
    Column("note", Text, nullable=False, info=internal(), comment="Signed (C2SP): the log's name, size and root."),
    Column(
        "horizon",
        TransactionId,
        nullable=False,
        info=internal(),
        comment="Every record of an earlier transaction is sealed.",
    ),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now(), info=internal()),
    comment="What the log has promised to be, each time something was sealed.",
)
