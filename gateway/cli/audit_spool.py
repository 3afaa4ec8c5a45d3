"""What `gateway audit verify --spool` adds: the log beside the records that were kept outside its database."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.cli.session import Session
from partners.access_log.findings import Finding
from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.access_log.trust import Trust
from partners.spool.comparing import Comparison, Told
from partners.spool.framing import key_of
from partners.spool.reading import Extent, SpoolUnreadableError, extents


def looked_at(paths: Sequence[Path], obstacles: list[str]) -> list[Extent]:
    """The files of spools as they are now, before the database is looked at; what cannot be read is an obstacle."""
    found = []
    for path in paths:
        try:
            found += extents(path)
        except SpoolUnreadableError as error:
            obstacles.append(str(error))
    return found


def beside_spool(
    opened: Session, files: Sequence[Extent], *, trust: Trust, obstacles: list[str], told: Told
) -> Iterator[Finding]:
    """Everything that is not as it was kept, over a transaction of its own; `told` is filled in."""
    with opened.database.write.connect() as connection:
        comparison = Comparison(connection, key_of(opened.keyring), trust, told)
        try:
            yield from comparison.findings(files)
        except SpoolUnreadableError as error:
            obstacles.append(str(error))


def spool_document(told: Told) -> dict[str, object]:
    """As JSON has it."""
    return {
        "files": told.files,
        "records": told.records,
        "pruned": told.pruned,
        "torn": told.torn,
        "first_at": told.first_at,
        "last_at": told.last_at,
        "lacking": told.lacking,
        "first_lacking": [public(ACCESS_PREFIX, each) for each in told.first_lacking],
    }


def spool_sentences(told: Told) -> Iterator[str]:
    """As people read it."""
    period = (
        ""
        if told.first_at is None
        else f", from {told.first_at:%Y-%m-%dT%H:%M:%SZ} to {told.last_at:%Y-%m-%dT%H:%M:%SZ}"
    )
    yield f"{told.records} records in {told.files} files of the spool{period}."
    if told.pruned:
        yield f"The database has deleted {told.pruned} of them on schedule."
    if told.torn:
        yield f"The last line broke off in {', '.join(told.torn)}: a process ended, or is writing."
    if told.lacking:
        named = ", ".join(public(ACCESS_PREFIX, each) for each in told.first_lacking)
        yield f"{told.lacking} records of requests are in the database alone, the first of them {named}."
