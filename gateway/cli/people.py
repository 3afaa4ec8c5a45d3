"""`gateway people`: who signs in for a partner."""

from collections.abc import Iterator

import click
from sqlalchemy import Connection

from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.output import Document, Entry, printed, printed_before
from gateway.cli.session import Session, session
from partners.people import accounts
from partners.people.accounts import Invitation, Person
from partners.registry.acts import Act

name = click.argument("name")


@click.group("people", cls=Group)
def command() -> None:
    """Invite people of webmasters and auditors to sign in, and keep them out."""


@command.command()
@click.argument("partner")
@name
@printed_before
def add(partner: str, name: str) -> Iterator[Document]:
    """Make an account called NAME for somebody of PARTNER. The invitation is shown this once and never again."""
    with session() as opened, opened.database.write.begin() as connection:
        made = accounts.add(connection, partner, name, now=opened.instant())
        _note(opened, connection, "add", made.person)
        yield _invitation(opened, made)


@command.command()
@name
@printed_before
def invite(name: str) -> Iterator[Document]:
    """Void the password, app and sessions of NAME at once, and print an invitation to set up new ones."""
    with session() as opened, opened.database.write.begin() as connection:
        made = accounts.invite(connection, name, now=opened.instant())
        _note(opened, connection, "invite", made.person)
        yield _invitation(opened, made)


@command.command()
@name
@printed
def suspend(name: str) -> Document:
    """Keep NAME out from the very next request on. The tools they allowed stay allowed."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = accounts.suspend(connection, name)
        _note(opened, connection, "suspend", changed)
        return _entry(changed)


@command.command()
@name
@printed
def resume(name: str) -> Document:
    """Let NAME sign in again."""
    with session() as opened, opened.database.write.begin() as connection:
        changed = accounts.resume(connection, name)
        _note(opened, connection, "resume", changed)
        return _entry(changed)


@command.command("list")
@click.argument("partner", required=False)
@printed
def list_all(partner: str | None) -> Document:
    """List everybody, or the people of PARTNER."""
    with session() as opened, opened.database.write.connect() as connection:
        return [_entry(person) for person in accounts.every(connection, partner)]


def _note(opened: Session, connection: Connection, verb: str, about: Person) -> None:
    note(opened, connection, Act(f"oauth.people.{verb}", partner=about.partner, subject=about.id))


def _invitation(opened: Session, made: Invitation) -> Entry:
    link = f"{opened.settings.issuer}/account/set-up?invitation={made.token}"
    return {"invitation": link, **_entry(made.person)}


def _entry(person: Person) -> Entry:
    return {
        "name": person.name,
        "id": person.id,
        "partner": person.partner,
        "is_set_up": person.is_set_up,
        "invited_until": person.invited_until,
        "status": person.status.value,
    }
