"""`gateway issuers`: the services whose session JWTs are exchanged."""

import click

from gateway.cli.jwks_file import JwksFile
from gateway.cli.lazy import Group
from gateway.cli.operator import in_words, note
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import session
from partners.registry import issuers
from partners.registry.acts import Act
from partners.registry.issuers import Issuer

issuer = click.argument("issuer", metavar="ISS")


@click.group("issuers", cls=Group)
def command() -> None:
    """Register session issuers for token exchange."""


@command.command("list")
@printed
def list_all() -> Document:
    """List the issuers, who may present their JWTs (nobody named: every model center's client), and their keys."""
    with session() as opened, opened.database.write.connect() as connection:
        return [_entry(each) for each in issuers.every(connection)]


@command.command()
@issuer
@click.option("--jwks", type=JwksFile(), required=True, metavar="FILE", help="Its public keys; `-` reads stdin.")
@click.option("--client", "named", multiple=True, help="Who may present its JWTs; default: every model center's.")
@printed
def add(issuer: str, *, jwks: dict[str, object], named: tuple[str, ...]) -> Document:
    """Register the issuer whose JWTs say ISS, or give it a new key set in place of its old one."""
    with session() as opened, opened.database.write.begin() as connection:
        added = issuers.add(connection, issuer, jwks, named)
        note(opened, connection, Act("oauth.issuers.add", subject=added.id, detail=_detail(added)))
    return _entry(added)


@command.command()
@issuer
@click.option("--reason", callback=in_words, required=True, metavar="TEXT", help="What happened, for the record.")
@printed
def remove(issuer: str, *, reason: str) -> Document:
    """Exchange no JWT of ISS any more. Tokens that were given for its JWTs live five minutes at most."""
    with session() as opened, opened.database.write.begin() as connection:
        removed = issuers.remove(connection, issuer)
        detail = {"reason": reason, **_detail(removed)}
        note(opened, connection, Act("oauth.issuers.remove", subject=removed.id, detail=detail))
    return _entry(removed)


def _entry(held: Issuer) -> Entry:
    return {"issuer": held.id, "clients": held.clients, "keys": held.keys}


def _detail(held: Issuer) -> dict[str, object]:
    return {"clients": held.clients, "kids": held.keys}
