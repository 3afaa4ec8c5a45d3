"""`gateway audit prove|check|export-tiles`: proofs that outsiders can check without the gateway."""

from http import HTTPStatus
from pathlib import Path

import click
import orjson

from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, output_file, printed
from gateway.cli.session import session
from partners.access_log import search, stored_checkpoints, tiles
from partners.access_log.append import record
from partners.access_log.identifiers import ACCESS_PREFIX, parse
from partners.access_log.merkle import BrokenProofError, leaf_hash
from partners.access_log.notes import NoteError
from partners.access_log.proofs import check_proof, prove_inclusion, sealed_as
from partners.access_log.tree import BrokenTreeError
from partners.access_log.trust import read_trust
from partners.vocabulary import Outcome


@click.command()
@click.argument("access_id")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file, by default ACCESS_ID.tlog-proof.",
)
@printed
def prove(access_id: str, out: Path | None) -> Document:
    """Write a `.tlog-proof` (C2SP) of an entry: its exact bytes, its path and the newest checkpoint.

    Where its record was let go after its time, the bytes are not there: the proof is about their hash. Bytes that are
    not those that were sealed have no proof.
    """
    path = out or Path(f"{access_id}.tlog-proof")
    identifier = parse(ACCESS_PREFIX, access_id)
    with session() as opened, opened.database.write.begin() as connection:
        access = access_by_operator(opened.instant(), "audit.get")
        record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
        row = search.get(connection, identifier) if identifier else None
        index, sealed = (sealed_as(connection, identifier) if identifier else None) or (None, b"")
        leaf = leaf_hash(row.leaf) if row else sealed
        inclusion = prove_inclusion(connection, index, leaf) if index is not None else None
    if inclusion is None:
        raise click.ClickException("There is no sealed entry of this id.")
    with output_file(path) as file:
        file.write(inclusion.file(bytes(row.leaf) if row else None).encode())
    return {"id": access_id, "index": inclusion.index, "file": str(path), "has_entry": row is not None}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="A file of verifier keys, one a line.",
)
@click.option(
    "--entry",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The entry's exact bytes, where the proof does not have them or others are to be held against it.",
)
@printed
def check(file: Path, trust: Path, entry: Path | None) -> Document:
    """Check a `.tlog-proof` by itself: no database and no secret is needed."""
    try:
        given = entry.read_bytes() if entry else None
        checkpoint, index, leaf = check_proof(file.read_text(), read_trust(trust), given)
    except (NoteError, BrokenProofError, OSError, ValueError) as error:
        raise click.ClickException(f"Not proved: {error}.") from None
    return {"log": checkpoint.origin, "size": checkpoint.size, "index": index, "entry": orjson.loads(leaf)}


@click.command("export-tiles")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--entries", is_flag=True, help="The entries' exact bytes too; for auditors alone.")
@printed
def export_tiles(directory: Path, *, entries: bool) -> Document:
    """Write the tree as files (C2SP tlog-tiles); complete tiles that are there already stay."""
    with session() as opened:
        with opened.database.write.begin() as connection:
            access = access_by_operator(opened.instant(), "audit.export")
            record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
        with opened.database.write.connect() as connection:
            newest = stored_checkpoints.newest(connection)
            if newest is None:
                raise click.ClickException("Nothing was sealed yet.")
            try:
                files = tiles.export(connection, newest, directory, entries=entries)
            except (BrokenTreeError, NoteError, OSError) as error:
                raise click.ClickException(f"{error}.") from None
    return {"directory": str(directory), "size": newest.size, "files": files}
