"""`gateway issuers`: the services whose session JWTs are exchanged."""

import click

from gateway.cli.jwks_file import JwksFile
from gateway.cli.operator import note
from gateway.cli.output import Document, printed
from gateway.cli.session import session
from partners.registry import issuers
from partners.registry.acts import Act


@click.group("issuers")
def command() -> None:
    """Register session issuers for token exchange."""


@command.command()
@click.argument("issuer", metavar="ISS")
@click.option("--jwks", type=JwksFile(), required=True, metavar="FILE", help="Its public keys; `-` reads stdin.")
@click.option("--client", "named", multiple=True, help="Who may present its JWTs; default: every model center's.")
@printed
def add(issuer: str, *, jwks: dict[str, object], named: tuple[str, ...]) -> Document:
    """Register the issuer whose JWTs say ISS, or give it a new key set."""
    with session() as opened, opened.database.write.begin() as connection:
        added = issuers.add(connection, issuer, jwks, named)
        detail = {"clients": added.clients, "kids": added.keys}
        note(opened, connection, Act("oauth.issuers.add", subject=added.id, detail=detail))
    return {"issuer": added.id, "clients": added.clients, "keys": added.keys}
