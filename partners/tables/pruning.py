"""Which months of records were let go, and the sealed records that say so."""

from sqlalchemy import Column, Date, LargeBinary, Table, Uuid

from partners.tables import internal, metadata

log_pruning = Table(
    "log_pruning",
    metadata,
    Column("month", Date, primary_key=True, info=internal(), comment="Its first day."),
    Column("access", Uuid, nullable=False, unique=True, info=internal(), comment="The record that says so."),
    Column(
        "leaf",
        LargeBinary,
        nullable=False,
        info=internal(),
        comment="That record's exact bytes: it must be known when its own month is gone too.",
    ),
    comment="Every month of the access log whose records were let go or are about to be. Append-only.",
)
