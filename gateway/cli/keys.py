"""`gateway keys`: the gateway's own signing keys for access tokens."""

import click
from sqlalchemy import Connection

from gateway.cli.lazy import Group
from gateway.cli.operator import in_words, note
from gateway.cli.output import Document, Entry, printed
from gateway.cli.session import Session, session
from partners.keyring import Keyring
from partners.registry import key_life, signing_keys
from partners.registry.acts import Act
from partners.registry.signing_keys import KeyState, SigningKey

kid = click.argument("kid")
_VERBS = {KeyState.PENDING: "add", KeyState.ACTIVE: "activate", KeyState.RETIRED: "retire"}
"""By the state a key is in then; one becomes retiring because another is activated."""


@click.group("keys", cls=Group)
def command() -> None:
    """Look after the keys that sign access tokens."""


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="The retired keys too.")
@printed
def list_all(*, everything: bool) -> Document:
    """List the keys that are published: those that signed, the one that signs, and those that will."""
    with session() as opened, opened.database.write.connect() as connection:
        keys = signing_keys.every(connection, now=opened.instant())
        return [_entry(key) for key in keys if everything or key.state is not KeyState.RETIRED]


@command.command()
@printed
def add() -> Document:
    """Make a key that is published from now on. It may sign ten minutes later: see activate."""
    with session() as opened, opened.database.write.begin() as connection:
        made = key_life.add(connection, opened.keyring, now=opened.instant())
        note(opened, connection, Act("oauth.keys.add", subject=made.id))
        return _entry(made)


@command.command()
@kid
@click.option("--now", "at_once", is_flag=True, help="Even if not everybody has fetched it yet; requires --reason.")
@click.option("--reason", callback=in_words, metavar="TEXT", help="Why it cannot wait, for the record.")
@printed
def activate(kid: str, *, at_once: bool, reason: str | None) -> Document:
    """Sign with a pending key from now on. The one before retires by itself once its tokens have expired."""
    if at_once and not reason:
        raise click.UsageError("--now needs a --reason.")
    with session() as opened, opened.database.write.begin() as connection:
        active = key_life.activate(connection, opened.keyring, kid, now=opened.instant(), at_once=at_once)
        note(opened, connection, Act("oauth.keys.activate", subject=kid, detail=_reason(reason, at_once=at_once)))
        return _entry(active)


@command.command()
@kid
@printed
def retire(kid: str) -> Document:
    """Accept no token of a key that has done its work, or that is not to be used. It happens by itself, too."""
    with session() as opened, opened.database.write.begin() as connection:
        retired = key_life.retire(connection, kid, now=opened.instant())
        note(opened, connection, Act("oauth.keys.retire", subject=kid))
        return _entry(retired)


@command.command()
@kid
@click.option("--reason", callback=in_words, required=True, metavar="TEXT", help="What happened, for the record.")
@printed
def revoke(kid: str, *, reason: str) -> Document:
    """A key has leaked: refuse its tokens from the very next request on. Another signs at once."""
    with session() as opened, opened.database.write.begin() as connection:
        # Also of a secret that is lost: what signs next is the present one's.
        keyring = Keyring(opened.settings.secret_key)
        successor = key_life.revoke(connection, keyring, kid, now=opened.instant())
        note(opened, connection, Act("oauth.keys.revoke", subject=kid, detail=_reason(reason)))
        if successor is not None:
            note(opened, connection, Act("oauth.keys.activate", subject=successor.id, detail={"instead_of": kid}))
        return _published(opened, connection)


@command.command()
@printed
def rotate() -> Document:
    """Do what the calendar says: add a key after 90 days, activate it a run later, retire the old one. Run it daily."""
    with session() as opened, opened.database.write.begin() as connection:
        for key in key_life.rotate(connection, opened.keyring, now=opened.instant()):
            if key.state in _VERBS:
                note(opened, connection, Act(f"oauth.keys.{_VERBS[key.state]}", subject=key.id))
        return _published(opened, connection)


def _published(opened: Session, connection: Connection) -> Document:
    return [_entry(key) for key in signing_keys.published(connection, now=opened.instant())]


def _reason(text: str | None, *, at_once: bool = False) -> dict[str, object]:
    return ({"reason": text} if text else {}) | ({"at_once": True} if at_once else {})


def _entry(key: SigningKey) -> Entry:
    return {
        "kid": key.id,
        "state": key.state.value,
        "created_at": key.created_at,
        "may_sign_from": key.may_sign_from,
        "activated_at": key.activated_at,
        "retiring_at": key.retiring_at,
        "verifies_until": key.retired_at or key.verifies_until,
    }
