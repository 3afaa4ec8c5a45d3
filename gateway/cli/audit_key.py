"""`gateway audit key`: the keys that verify checkpoints, and how one takes over from another."""

import click
from sqlalchemy import Engine

from gateway.background import sealing
from gateway.cli.lazy import Group
from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, json_text, printed
from gateway.cli.session import Session, session
from partners.access_log import keys
from partners.access_log.append import Access
from partners.access_log.keys import DerivedKeys, KeyChangeError, Period
from partners.access_log.sequencer import RefusedError
from partners.postgres import database


@click.group("key", cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def key(context: click.Context, *, as_json: bool) -> None:
    """Print the keys that verify checkpoints: a trust file. Compare it over another channel."""
    if context.invoked_subcommand is None:
        with session() as opened, opened.database.write.connect() as connection:
            newest, *_ = _keys(opened).signing(connection).signers
            lines = _keys(opened).lines(connection)
        said: Document = {"key": str(newest.verifier), "keys": lines}
        click.echo(json_text(said) if as_json else "\n".join(lines))


@key.command()
@printed
def rotate() -> Document:
    """Have a new key sign beside the old one. Give it to whoever verifies, then retire the old one."""
    with session() as opened:
        own, owner = _keys(opened), database.owner(opened.url)
        try:
            with owner.begin() as connection:
                keys.rotate(connection, own, _access(opened, keys.ROTATED))
            return _lines(owner, own)
        except KeyChangeError as error:
            raise click.ClickException(f"The key stays: {error}.") from None
        finally:
            owner.dispose()


@key.command()
@printed
def retire() -> Document:
    """Have the older of two keys sign nothing more, and say up to which size of the log it is to be believed."""
    with session() as opened:
        own, owner = _keys(opened), database.owner(opened.url)
        try:
            with owner.begin() as connection:
                old = keys.begin_retiring(connection, own)
            _close(opened, owner, own, old)
            return _lines(owner, own)
        except (KeyChangeError, RefusedError) as error:
            raise click.ClickException(f"The old key is not retired: {error}.") from None
        finally:
            owner.dispose()


def _close(opened: Session, owner: Engine, own: DerivedKeys, old: Period) -> None:
    """Wait for a checkpoint without the old key: only then is known which was its last."""

    def is_retired() -> bool:
        with owner.begin() as connection:
            return keys.finish_retiring(connection, own, old, _access(opened, keys.RETIRED)) is not None

    work = sealing.sealing_of(opened.settings, opened.keyring, opened.url)
    try:
        if not work.until(is_retired):
            raise KeyChangeError("nothing seals the log; call this again when something does")
    finally:
        work.engine.dispose()


def _lines(owner: Engine, own: DerivedKeys) -> Document:
    with owner.begin() as connection:
        return {"keys": own.lines(connection)}


def _keys(opened: Session) -> DerivedKeys:
    return DerivedKeys(opened.keyring, opened.settings.log_origin)


def _access(opened: Session, operation: str) -> Access:
    return access_by_operator(opened.instant(), operation)
