"""`gateway clients`: the programs of partners and their credentials."""

from datetime import timedelta

import click

from gateway.cli.jwks_file import jwks_option
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import session
from partners.registry import clients
from partners.registry.clients import Client, Credentials, Wanted
from partners.registry.secrets import DEFAULT_OVERLAP
from partners.vocabulary import AuthMethod

LONGEST_OVERLAP_DAYS = 90
identifier = click.argument("identifier", metavar="CLIENT")


@click.group("clients")
def command() -> None:
    """Register clients, and rotate or stop their credentials."""


@command.command()
@click.argument("partner")
@click.option("--auth", type=click.Choice([method.value for method in AuthMethod]), help="How it proves who it is.")
@jwks_option
@click.option("--scope", "scopes", multiple=True, metavar="S", help="What it may ask for; default: all of its kind.")
@click.option("--allow", "networks", multiple=True, metavar="CIDR", help="Networks it may call from; default: any.")
@click.option("--redirect-uri", "redirects", multiple=True, metavar="URI", help="Of a tracker: where users return to.")
@printed
def add(
    partner: str,
    *,
    auth: str | None,
    jwks: dict[str, object] | None,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    redirects: tuple[str, ...],
) -> Document:
    """Register a client of PARTNER. A secret is shown this once and never again."""
    wanted = Wanted(
        partner=partner,
        auth_method=AuthMethod(auth) if auth else None,
        jwks=jwks,
        scopes=scopes,
        allowed_networks=networks,
        redirect_uris=redirects,
    )
    with session() as opened, opened.database.write.begin() as connection:
        return _credentials(clients.add(connection, wanted, now=opened.instant()))


@command.command()
@identifier
@click.option(
    "--overlap",
    type=click.IntRange(0, LONGEST_OVERLAP_DAYS),
    default=DEFAULT_OVERLAP.days,
    show_default=True,
    metavar="DAYS",
    help="How long the secret before works on.",
)
@jwks_option
@printed
def rotate(identifier: str, *, overlap: int, jwks: dict[str, object] | None) -> Document:
    """Give CLIENT a new secret, or with --jwks a new key set, which replaces the old at once."""
    with session() as opened, opened.database.write.begin() as connection:
        if jwks is not None:
            return _credentials(clients.replace_keys(connection, identifier, jwks))
        lasting = timedelta(days=overlap)
        return _credentials(clients.rotate_secret(connection, identifier, overlap=lasting, now=opened.instant()))


@command.command()
@identifier
@printed
def suspend(identifier: str) -> Document:
    """Stop CLIENT's very next request. Its tokens stay dead for good."""
    with session() as opened, opened.database.write.begin() as connection:
        return _entry(clients.suspend(connection, identifier))


@command.command()
@identifier
@printed
def resume(identifier: str) -> Document:
    """Let a suspended CLIENT get new tokens."""
    with session() as opened, opened.database.write.begin() as connection:
        return _entry(clients.resume(connection, identifier))


@command.command("list")
@click.argument("partner", required=False)
@printed
def list_all(partner: str | None) -> Document:
    """List all clients, or those of PARTNER."""
    with session() as opened, opened.database.write.connect() as connection:
        return [_entry(client) for client in clients.every(connection, partner)]


def _credentials(made: Credentials) -> Entry:
    entry = _entry(made.client)
    shown = {} if made.secret is None else {"client_secret": made.secret}
    return {"client_id": entry["client_id"], **shown, **entry}


def _entry(client: Client) -> Entry:
    return {
        "client_id": client.id,
        "partner": client.partner,
        "kind": client.kind.value,
        "auth": client.auth_method.value,
        "scopes": client.scopes,
        "allowed_networks": client.allowed_networks,
        "redirect_uris": client.redirect_uris,
        "status": client.status.value,
        "created_at": client.created_at,
    }
