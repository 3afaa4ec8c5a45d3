"""What clients may ask for: granted, proposed where that needs two, and taken back."""

from collections.abc import Collection

import click
from sqlalchemy import Connection

from gateway.cli import approvals as commands
from gateway.cli.operator import note
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import Session, session
from gateway.settings import operator_name
from partners.registry import approvals, client_scopes, clients
from partners.registry.acts import Act
from partners.registry.approvals import MEMBER_LEVEL, Kind
from partners.registry.clients import Client
from partners.registry.fitness import checked_scopes
from partners.vocabulary import Scope

SCOPE = click.Choice([scope.value for scope in Scope])
identifier = click.argument("identifier", metavar="CLIENT")
chosen = click.option("--scope", "names", multiple=True, required=True, type=SCOPE, help="What it may ask for.")


@click.command()
@identifier
@chosen
@printed
def grant(identifier: str, *, names: tuple[str, ...]) -> Document:
    """Let CLIENT ask for more. Where two are needed, member-level scopes are proposed and wait for the other."""
    with session() as opened, opened.database.write.begin() as connection:
        held = clients.get(connection, identifier, lock=True)
        wanted = checked_scopes(names, held.kind)
        waiting = withheld(connection, [scope for scope in wanted if scope not in held.scopes])
        granted = [scope for scope in wanted if scope not in waiting]
        held = client_scopes.grant(connection, identifier, granted)
        if granted:
            note(opened, connection, _act("grant", held, granted))
        return told(held) | propose(opened, connection, held, waiting)


@click.command()
@identifier
@chosen
@printed
def withdraw(identifier: str, *, names: tuple[str, ...]) -> Document:
    """Let CLIENT ask for less. Its tokens die with the next request."""
    with session() as opened, opened.database.write.begin() as connection:
        scopes = [Scope(name) for name in names]
        narrowed = client_scopes.withdraw(connection, identifier, scopes)
        note(opened, connection, _act("withdraw", narrowed, scopes))
        return told(narrowed)


def withheld(connection: Connection, scopes: Collection[Scope]) -> frozenset[Scope]:
    """Those that one operator alone cannot grant now."""
    member_level = MEMBER_LEVEL.intersection(scopes)
    return member_level if member_level and approvals.are_required(connection) else frozenset()


def propose(opened: Session, connection: Connection, held: Client, scopes: Collection[Scope]) -> dict[str, object]:
    """Propose scopes for a client, on record; return what is to be printed of it, nothing where there are none."""
    if not scopes:
        return {}
    ordered = checked_scopes(scopes, held.kind)
    made = approvals.propose(
        connection, Kind.GRANT, operator=operator_name(), now=opened.instant(), client_id=held.id, scopes=ordered
    )
    note(opened, connection, commands.act_of("propose", made))
    return {"proposed": {"approval": made.id, "scopes": made.scopes, "expires_at": made.expires_at}}


def told(held: Client) -> dict[str, object]:
    """A client and what it may ask for."""
    entry: Entry = {"client_id": held.id, "partner": held.partner, "scopes": held.scopes}
    return dict(entry)


def _act(verb: str, about: Client, scopes: Collection[Scope]) -> Act:
    detail = {"scopes": sorted(scopes)}
    return Act(f"oauth.clients.{verb}", partner=about.partner, client=about.id, detail=detail)
