"""`gateway audit verify`: the whole log against its own bytes, its checkpoints and what others have seen of it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path

import click

from gateway.cli.audit_alerts import alert_option, tell_gap
from gateway.cli.audit_spool import beside_spool, looked_at, spool_document, spool_sentences
from gateway.cli.failures import FAILURES, said_of
from gateway.cli.output import json_text, let_go_of_output
from gateway.cli.session import Session, session
from partners.access_log.findings import Finding
from partners.access_log.keys import DerivedKeys
from partners.access_log.notes import NoteError
from partners.access_log.stored import UnreadableError
from partners.access_log.stored_checkpoints import Anchor
from partners.access_log.trust import Trust, Witness, read_trust, read_witness
from partners.access_log.verifying import Covered, Verification
from partners.spool.comparing import Told
from partners.spool.reading import Extent

LONGEST_LAG_HOURS = 24.0


class Verdict(IntEnum):
    """What a verification ends with: the exit status (contract §8)."""

    INTACT = 0
    TAMPERED = 1
    UNVERIFIABLE = 2
    STALE = 3


@dataclass
class Result:
    """What a verification came to."""

    covered: Covered = field(default_factory=Covered)
    findings: list[Finding] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    """What could not be used."""
    is_against: bool = False
    """Whether witnesses were named."""
    is_witnessed: bool = False
    spooled: Told | None = None
    """What the spool told, where one was given."""

    @property
    def verdict(self) -> Verdict:
        """Findings weigh more than obstacles, and obstacles more than a stale witness."""
        if self.findings:
            return Verdict.TAMPERED
        if self.obstacles:
            return Verdict.UNVERIFIABLE
        return Verdict.STALE if self.covered.stale else Verdict.INTACT

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        covered = self.covered
        return {
            "verdict": self.verdict.name.lower(),
            "findings": [finding.document() for finding in self.findings],
            "obstacles": self.obstacles,
            "stale": covered.stale,
            "witnessed": self.is_witnessed,
            "entries": covered.entries,
            "checkpoints": covered.checkpoints,
            "pruned": covered.pruned,
            "first_at": covered.first_at,
            "last_at": covered.last_at,
            "waiting": covered.waiting.records,
            "waiting_since": covered.waiting.since,
            "spool": None if self.spooled is None else spool_document(self.spooled),
        }

    def sentences(self) -> Iterator[str]:
        """As people read it, after the findings."""
        covered = self.covered
        yield from (f"Cannot verify: {obstacle}." for obstacle in self.obstacles)
        yield from (f"Stale: {lack}." for lack in covered.stale)
        if covered.entries:
            since, until = covered.first_at, covered.last_at
            period = f", from {since:%Y-%m-%dT%H:%M:%SZ} to {until:%Y-%m-%dT%H:%M:%SZ}" if since and until else ""
            yield f"{covered.entries} entries under {covered.checkpoints} checkpoints{period}."
        if covered.pruned:
            yield f"The records of {covered.pruned} were deleted on schedule; their hashes are there."
        if covered.waiting.records:
            yield f"{covered.waiting.records} records wait to be sealed, since {covered.waiting.since:%H:%M:%SZ}."
        if self.spooled is not None:
            yield from spool_sentences(self.spooled)
        if not self.is_witnessed:
            needed = "a checkpoint in what --against names" if self.is_against else "--against"
            yield f"Not witnessed: whether newer entries were cut off, nobody can tell without {needed}."
        yield f"{self.verdict.name.capitalize()}."


@click.command()
@click.option(
    "--against",
    "witnesses",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="A file of checkpoints seen before, kept where the log's database cannot reach.",
)
@click.option(
    "--trust",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file of verifier keys, one a line; by default this gateway's own key is trusted.",
)
@click.option(
    "--spool",
    "spools",
    type=click.Path(file_okay=False, path_type=Path),
    multiple=True,
    help="A directory that records were kept in outside the database; give those of all machines.",
)
@click.option(
    "--max-age",
    type=click.FloatRange(0, min_open=True),
    default=LONGEST_LAG_HOURS,
    show_default=True,
    help="After how many hours without a newer checkpoint a witness is stale.",
)
@alert_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(
    witnesses: Sequence[Path],
    spools: Sequence[Path],
    trust: Path | None,
    max_age: float,
    *,
    is_told: bool,
    as_json: bool,
) -> int:
    """Compute the whole log again and name everything that is not as it was sealed.

    Exit status: 0 intact, 1 tampered, 2 cannot verify, 3 intact but a given witness is stale or missing.
    """
    result = Result(is_against=bool(witnesses))
    try:
        with session() as opened:
            trusted = read_trust(trust) if trust else _own(opened)
            longest_lag, files = timedelta(hours=max_age), looked_at(spools, result.obstacles)
            found = _findings(opened, result, trust=trusted, paths=witnesses, longest_lag=longest_lag)
            if spools:
                found = _and_of_spool(opened, result, found, trust=trusted, files=files)
            for finding in found:
                result.findings.append(finding)
                if not as_json:
                    click.echo(f"Tampered: {finding.sentence()}.")
            if is_told and result.findings:
                records = [each.access for each in result.findings if each.access is not None]
                tell_gap(opened, "verify", f"A verification found {len(result.findings)} things changed.", records)
    except FAILURES as error:
        result.obstacles.append(said_of(error).rstrip("."))
    except (NoteError, UnreadableError) as error:
        result.obstacles.append(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, what was found is told (contract §8)
        result.obstacles.append(f"the verification has failed: {type(error).__name__}")
    return _told(result, as_json=as_json)


def _told(result: Result, *, as_json: bool) -> int:
    """Print what is said after the findings; return the exit status."""
    try:
        click.echo(json_text(result.document()) if as_json else "\n".join(result.sentences()))
    except OSError as error:
        # Whoever reads the first lines alone has enough.
        if not isinstance(error, BrokenPipeError):
            with suppress(OSError):
                click.echo(f"Error: {said_of(error)}", err=True)
        let_go_of_output()
        return Verdict.TAMPERED if result.findings else Verdict.UNVERIFIABLE
    return result.verdict


def _findings(
    opened: Session, result: Result, *, trust: Trust, paths: Sequence[Path], longest_lag: timedelta
) -> Iterator[Finding]:
    witnesses = list(_witnesses(paths, trust, longest_lag, result))
    result.is_witnessed = any(witness.seen for witness in witnesses)
    with suppress(NoteError):
        # What this machine signed last: of no weight for others, but no dump or restore touches it.
        witnesses.append(read_witness(Anchor(opened.settings.data_dir, _origin(opened)).path, trust, None))
    engine = opened.database.write
    with engine.execution_options(isolation_level="REPEATABLE READ").connect() as reading:
        walk = Verification(reading, trust, witnesses, now=datetime.now(UTC), engine=engine)
        result.covered = walk.covered
        yield from walk.findings()


def _and_of_spool(
    opened: Session, result: Result, found: Iterator[Finding], *, trust: Trust, files: Sequence[Extent]
) -> Iterator[Finding]:
    """What was found, and then what only the spool tells."""
    said = set()
    for finding in found:
        said.add((finding.kind, finding.access))
        yield finding
    result.spooled = Told()
    if not files and not result.obstacles:
        result.covered.stale.append("the spool has no file")
    for finding in beside_spool(opened, files, trust=trust, obstacles=result.obstacles, told=result.spooled):
        if finding.access is None or (finding.kind, finding.access) not in said:
            yield finding


def _witnesses(paths: Sequence[Path], trust: Trust, longest_lag: timedelta, result: Result) -> Iterator[Witness]:
    for path in paths:
        try:
            yield read_witness(path, trust, longest_lag)
        except NoteError as error:
            result.obstacles.append(str(error))


def _own(opened: Session) -> Trust:
    with opened.database.write.connect() as connection:
        return DerivedKeys(opened.keyring, _origin(opened)).trust(connection)


def _origin(opened: Session) -> str:
    return opened.settings.log_origin
