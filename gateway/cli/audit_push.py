"""`gateway audit sinks` and `gateway audit push`: the sealed log on its way to security tools."""

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.background.carriers import SYSLOG, syslog_address
from gateway.background.posting import UnsafeAddressError, target_of
from gateway.background.pushing import Pushing
from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.options import overlap_option
from gateway.cli.output import Document, json_text, printed, printed_before
from gateway.cli.session import session, told_to_stop
from gateway.observability.sink_figures import lag_of
from partners.access_log import following, sinks
from partners.access_log.sinks import Standing, Wanted
from partners.registry import RegistryError
from partners.registry.acts import Act
from serializers.audit import StreamForm

name_argument = click.argument("name")


@click.command()
@click.option("--once", is_flag=True, help="Push what there is now, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once, print one JSON document.")
def push(*, once: bool, as_json: bool) -> None:
    """Push the sealed log to its sinks until SIGTERM or SIGINT. Any number of these may run."""
    if as_json and not once:
        raise click.UsageError("--json tells how many were taken in the end: give --once too.")
    with session() as opened:
        pushing = Pushing(opened.settings, opened.keyring, opened.database)
        if once:
            taken = pushing.once()
            click.echo(json_text({"taken": taken}) if as_json else f"{taken} entries were taken.")
        else:
            pushing.run(told_to_stop())


@click.group("sinks", cls=Group)
def group() -> None:
    """Say to which security tools the sealed log is pushed."""


@group.command()
@name_argument
@click.argument("url")
@click.option(
    "--format",
    "form",
    type=click.Choice([StreamForm.NDJSON.value, StreamForm.OCSF.value]),
    help="How entries are posted: as the API has them (the default), or as OCSF. Syslog has CEF.",
)
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificates (PEM) to trust instead of the system's.",
)
@click.option("--after", type=int, help="Begin after this index; -1, the default, is the beginning.")
@click.option("--from-now", is_flag=True, help="Begin with what is sealed from now on.")
@printed_before
def add(name: str, url: str, form: str | None, ca: Path | None, **start: int | bool | None) -> Iterator[Document]:
    """Push to URL: https://…, or syslog+tls://HOST[:PORT]. The secret that signs is shown once.

    http:// is for this very machine alone.
    """
    is_syslog = _checked(url)
    if is_syslog and form is not None:
        raise click.UsageError("--format is for https; syslog has CEF.")
    authorities = _authorities(ca)
    with session() as opened, opened.database.write.begin() as connection:
        after = following.size(connection) - 1 if start["from_now"] else start["after"]
        wanted = Wanted(
            name,
            url,
            form=StreamForm.CEF if is_syslog else form or StreamForm.NDJSON,
            is_signed=not is_syslog,
            authorities=authorities,
            after=following.START if after is None else int(after),
        )
        secret = sinks.add(connection, wanted, opened.keyring)
        # What follows the host may be what lets in whoever knows it.
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        detail = {"url": shown, "format": wanted.form, "after": wanted.after}
        note(opened, connection, Act("audit.sink_add", subject=name, detail=detail))
        yield {"name": name, "url": url, "format": wanted.form, **({"secret": secret} if secret else {})}


@group.command("list")
@printed
def list_all() -> Document:
    """List the sinks: how far each is behind, and what is wrong with it."""
    with session() as opened, opened.database.write.connect() as connection:
        return [_entry(standing, datetime.now(UTC)) for standing in sinks.standings(connection)]


@group.command()
@name_argument
@printed
def pause(name: str) -> Document:
    """Push nothing more to NAME; its place in the log is kept."""
    return _paused(name, is_paused=True)


@group.command()
@name_argument
@printed
def resume(name: str) -> Document:
    """Go on with NAME at once, where it was."""
    return _paused(name, is_paused=False)


@group.command()
@name_argument
@click.option("--after", type=int, required=True, help="The index of the last entry that it has; -1 for none.")
@printed
def rewind(name: str, *, after: int) -> Document:
    """Have NAME go on after an index, wherever it is now."""
    with session() as opened, opened.database.write.begin() as connection:
        sinks.rewind(connection, name, after)
        note(opened, connection, Act("audit.sink_rewind", subject=name, detail={"after": after}))
    return {"name": name, "after": after}


@group.command("rotate-secret")
@name_argument
@overlap_option
@printed_before
def rotate_secret(name: str, overlap: int) -> Iterator[Document]:
    """Give NAME a new secret, shown this once and never again."""
    with session() as opened, opened.database.write.begin() as connection:
        days = timedelta(days=overlap)
        secret = sinks.rotate(connection, name, opened.keyring, now=datetime.now(UTC), overlap=days)
        note(opened, connection, Act("audit.sink_rotate_secret", subject=name))
        yield {"name": name, "secret": secret}


@group.command()
@name_argument
@printed
def remove(name: str) -> Document:
    """Forget NAME, and its place in the log."""
    with session() as opened, opened.database.write.begin() as connection:
        sinks.remove(connection, name)
        note(opened, connection, Act("audit.sink_remove", subject=name))
    return {"name": name}


def _paused(name: str, *, is_paused: bool) -> Document:
    with session() as opened, opened.database.write.begin() as connection:
        sinks.pause(connection, name, is_paused=is_paused)
        note(opened, connection, Act("audit.sink_pause" if is_paused else "audit.sink_resume", subject=name))
    return {"name": name, "paused": is_paused}


def _checked(url: str) -> bool:
    """Say whether an address is syslog's; raise `RegistryError` for one that nothing is sent to."""
    try:
        if url.startswith(SYSLOG):
            syslog_address(url)
            return True
        target_of(url)
    except UnsafeAddressError as error:
        raise RegistryError(f"nothing is sent to this address: {error}") from None
    return False


def _authorities(ca: Path | None) -> str | None:
    if ca is None:
        return None
    try:
        text = ca.read_text()
        ssl.create_default_context(cadata=text)
    except (OSError, ValueError):
        raise click.UsageError(f"--ca: {ca} holds no certificate that can be read.") from None
    return text


def _entry(standing: Standing, now: datetime) -> Mapping[str, object]:
    row = standing.row
    return {
        "name": row.name,
        "url": row.url,
        "format": row.form,
        "paused": row.is_paused,
        "after": row.position,
        "waiting": standing.waiting,
        "lag_seconds": round(lag_of(standing, now)),
        "failures": row.failures,
        "trouble": row.trouble,
        "next_attempt_at": row.next_attempt_at if row.failures else None,
        "delivered_at": row.delivered_at,
        "worker_seen_at": row.looked_at,
        "refused": list(standing.refused),
    }
