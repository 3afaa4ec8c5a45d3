"""`gateway keys`: the gateway's own signing keys for access tokens."""

import click

from gateway.cli.output import Document, printed
from gateway.cli.session import session
from partners.registry import RegistryError, signing_keys


@click.group("keys")
def command() -> None:
    """Look after the keys that sign access tokens."""


@command.command("list")
@printed
def list_all() -> Document:
    """List the keys that are published."""
    with session() as opened, opened.database.write.connect() as connection:
        return [{"kid": key.id, "state": key.state.value} for key in signing_keys.published(connection)]


@command.command()
@printed
def rotate() -> Document:
    """Sign with a new key from now on; retire the old one once its tokens have expired."""
    with session() as opened, opened.database.write.begin() as connection:
        signing_keys.rotate(connection, opened.keyring, now=opened.instant())
        return [{"kid": key.id, "state": key.state.value} for key in signing_keys.published(connection)]


@command.command()
@click.argument("kid")
@printed
def retire(kid: str) -> Document:
    """Stop accepting tokens of a key, within a minute everywhere: at once if it has leaked, else after ten minutes."""
    with session() as opened, opened.database.write.begin() as connection:
        if not signing_keys.retire(connection, kid):
            raise RegistryError(f"there is no key {kid}")
    return {"kid": kid, "state": signing_keys.KeyState.RETIRED.value}
