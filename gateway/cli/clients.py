"""`gateway clients`: the programs of partners and their credentials."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import click
from sqlalchemy import Connection

from gateway.cli.clients_scopes import grant, propose, withdraw, withheld
from gateway.cli.jwks_file import jwks_option
from gateway.cli.lazy import Group
from gateway.cli.operator import in_words, note
from gateway.cli.options import overlap_option
from gateway.cli.output import Document, Entry, printed, printed_before
from gateway.cli.session import Session, session
from partners.registry import client_revocation, clients, fitness, partners
from partners.registry.acts import Act
from partners.registry.clients import Client, Credentials, Wanted
from partners.vocabulary import AuthMethod

identifier = click.argument("identifier", metavar="CLIENT")


@click.group("clients", cls=Group)
def command() -> None:
    """Register clients, and rotate or stop their credentials."""


for each in (grant, withdraw):
    command.add_command(each)


@command.command()
@click.argument("partner")
@click.option("--auth", type=click.Choice([method.value for method in AuthMethod]), help="How it proves who it is.")
@jwks_option
@click.option("--scope", "scopes", multiple=True, metavar="S", help="What it may ask for; default: all of its kind.")
@click.option("--allow", "networks", multiple=True, metavar="CIDR", help="Networks it may call from; default: any.")
@click.option("--redirect-uri", "redirects", multiple=True, metavar="URI", help="Of a tracker: where users return to.")
@click.option("--dpop", is_flag=True, help="Give it only tokens that are bound to a key of its own (RFC 9449).")
@printed_before
def add(
    partner: str,
    *,
    auth: str | None,
    jwks: dict[str, object] | None,
    scopes: tuple[str, ...],
    networks: tuple[str, ...],
    redirects: tuple[str, ...],
    dpop: bool,
) -> Iterator[Document]:
    """Register a client of PARTNER. A secret is shown this once and never again."""
    wanted = Wanted(
        partner=partner,
        auth_method=AuthMethod(auth) if auth else None,
        jwks=jwks,
        scopes=scopes,
        allowed_networks=networks,
        redirect_uris=redirects,
        dpop_bound=dpop,
    )
    with session() as opened, opened.database.write.begin() as connection:
        wanted_scopes = fitness.scopes(scopes, partners.get(connection, partner).kind)
        waiting = withheld(connection, wanted_scopes)
        made = clients.add(connection, replace(wanted, withheld=waiting), now=opened.instant())
        _note(opened, connection, "add", made.client, scopes=made.client.scopes, networks=made.client.allowed_networks)
        yield {**_credentials(made), **propose(opened, connection, made.client, waiting)}


@command.command()
@identifier
@overlap_option
@jwks_option
@printed_before
def rotate(identifier: str, *, overlap: int, jwks: dict[str, object] | None) -> Iterator[Document]:
    """Give CLIENT a new secret; or with --jwks a new key set, such as the old key and the new one, later the new alone.

    A key that is not in the set any more is refused at once. On suspicion: --overlap 0. If it has leaked: see revoke.
    """
    with session() as opened, opened.database.write.begin() as connection:
        if jwks is not None:
            made = clients.replace_keys(connection, identifier, jwks)
        else:
            lasting = timedelta(days=overlap)
            made = clients.rotate_secret(connection, identifier, overlap=lasting, now=opened.instant())
        how = {"keys": made.client.keys} if jwks is not None else {"overlap_days": overlap}
        _note(opened, connection, "rotate", made.client, **how)
        yield _credentials(made)


# A `kid` may begin with a hyphen, and have an h in it.
@command.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@identifier
@click.argument("credential", required=False, metavar="[SECRET|KID]")
@click.option("--reason", callback=in_words, required=True, metavar="TEXT", help="What happened, for the record.")
@printed
def revoke(identifier: str, credential: str | None, *, reason: str) -> Document:
    """A secret or key of CLIENT has leaked: end it, or all, and every token of CLIENT, from the next request on.

    A tracker's users have to allow it anew. `list` names secrets and keys; a new one comes from rotate.
    """
    with session() as opened, opened.database.write.begin() as connection:
        left, ended = client_revocation.revoke(connection, identifier, credential)
        _note(opened, connection, "revoke", left, reason=reason, ended=ended)
        return {**_entry(left), "ended": ended}


@command.command()
@identifier
@click.option("--dpop/--no-dpop", "bound", required=True, help="Only tokens bound to a key (RFC 9449), or any.")
@printed
def update(identifier: str, *, bound: bool) -> Document:
    """Say which tokens CLIENT gets. With --dpop, those it has that are bound to no key are dead at once."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = clients.bind_tokens(connection, identifier, bound=bound)
        _note(opened, connection, "update", changed, dpop_bound_access_tokens=bound)
        return _entry(changed)


@command.command()
@identifier
@printed
def suspend(identifier: str) -> Document:
    """Stop CLIENT's very next request. Its tokens stay dead for good."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = clients.suspend(connection, identifier)
        _note(opened, connection, "suspend", changed)
        return _entry(changed)


@command.command()
@identifier
@printed
def resume(identifier: str) -> Document:
    """Let a suspended CLIENT get new tokens, or one that lapsed because nobody used it for 90 days."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = clients.resume(connection, identifier)
        _note(opened, connection, "resume", changed)
        return _entry(changed)


@command.command("list")
@click.argument("partner", required=False)
@printed
def list_all(partner: str | None) -> Document:
    """List all clients, or those of PARTNER."""
    with session() as opened, opened.database.write.connect() as connection:
        return [_entry(client) for client in clients.every(connection, partner)]


def _note(opened: Session, connection: Connection, verb: str, about: Client, **detail: object) -> None:
    act = Act(f"oauth.clients.{verb}", partner=about.partner, client=about.id, detail=detail)
    note(opened, connection, act)


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
        "dpop_bound_access_tokens": client.dpop_bound,
        "status": client.status.value,
        "created_at": client.created_at,
        "last_used_at": client.last_used_at,
        "secrets": [asdict(secret) for secret in client.secrets],
        "keys": client.keys,
    }
