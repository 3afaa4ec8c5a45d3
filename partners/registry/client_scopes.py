"""What clients may ask for: given and taken back. A narrowing kills the tokens from before it."""

from collections.abc import Collection

from sqlalchemy import Connection, update

from partners.registry.clients import Client, get
from partners.registry.fitness import checked_scopes
from partners.registry.token_versions import kill_tokens
from partners.tables.partner import client
from partners.vocabulary import SCOPES_OF_KIND, Scope


def grant(connection: Connection, identifier: str, scopes: Collection[Scope]) -> Client:
    """Let a client ask for these too; raise `RegistryError` if its partner's kind cannot hold one of them."""
    held = get(connection, identifier, lock=True)
    return _set(connection, held, {*held.scopes, *checked_scopes(scopes, held.kind)})


def withdraw(connection: Connection, identifier: str, scopes: Collection[Scope]) -> Client:
    """Let a client ask for these no more; what it was given before is dead with the next request."""
    held = get(connection, identifier, lock=True)
    narrowed = _set(connection, held, set(held.scopes) - set(checked_scopes(scopes, held.kind)))
    kill_tokens(connection, client.c.id == identifier)
    return narrowed


def _set(connection: Connection, held: Client, scopes: Collection[str]) -> Client:
    ordered = [scope.value for scope in SCOPES_OF_KIND[held.kind] if scope in scopes]
    connection.execute(update(client).where(client.c.id == held.id).values(scopes=ordered))
    return get(connection, held.id)
