"""Clients: the programs of a partner, each with its own credentials, scopes and networks."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from partners.consents import ending
from partners.registry import RegistryError, addresses, client_use, fitness, jwks, partners
from partners.registry import secrets as client_secrets
from partners.registry.secrets import Secret
from partners.registry.token_versions import kill_tokens
from partners.tables.partner import client, partner
from partners.vocabulary import AuthMethod, PartnerKind, Scope, Status

CLIENT_PREFIX = "cl_"
_COLUMNS = client.c[
    "id",
    "auth_method",
    "scopes",
    "jwks",
    "allowed_networks",
    "redirect_uris",
    "dpop_bound",
    "status",
    "created_at",
    "last_used_at",
]


@dataclass(frozen=True)
class Wanted:
    """What a new client is to be."""

    partner: str
    auth_method: AuthMethod | None = None
    """Nothing: by its keys if it has any, else by a secret."""
    jwks: Mapping[str, Any] | None = None
    scopes: tuple[str, ...] = ()
    """Nothing: all of the partner's kind, but those given only when asked for."""
    allowed_networks: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    dpop_bound: bool = False
    """Whether it gets no token that is not bound to a key (RFC 9449 §5.2)."""
    withheld: frozenset[Scope] = frozenset()
    """Scopes it is not given although it is to have them: somebody else has to approve first."""


@dataclass(frozen=True)
class Client:
    """A registered client, as an operator sees it."""

    id: str
    partner: str
    kind: PartnerKind
    auth_method: AuthMethod
    scopes: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    dpop_bound: bool
    status: Status
    created_at: datetime
    last_used_at: datetime | None = None
    """When it last authenticated, to the hour."""
    secrets: tuple[Secret, ...] = ()
    """Those that work."""
    keys: tuple[str | None, ...] = ()
    """The `kid` of each of its keys."""


@dataclass(frozen=True)
class Credentials:
    """A client and, where it has a secret, that secret: shown now and never again."""

    client: Client
    secret: str | None


def add(connection: Connection, wanted: Wanted, *, now: datetime) -> Credentials:
    """Register a client; raise `RegistryError` if a value is unfit for the partner's kind."""
    owner = partners.get(connection, wanted.partner, lock=True)
    new = Client(
        id=CLIENT_PREFIX + secrets.token_hex(10),
        partner=owner.id,
        kind=owner.kind,
        auth_method=fitness.auth_method(wanted.auth_method, owner.kind, by_keys=wanted.jwks is not None),
        scopes=tuple(scope for scope in fitness.scopes(wanted.scopes, owner.kind) if scope not in wanted.withheld),
        allowed_networks=tuple(addresses.network(text) for text in wanted.allowed_networks),
        redirect_uris=addresses.redirect_uris(wanted.redirect_uris, owner.kind),
        dpop_bound=wanted.dpop_bound,
        status=Status.ACTIVE,
        created_at=now,
    )
    keys = jwks.checked(wanted.jwks, jwks.CLIENT_ALGORITHMS) if wanted.jwks is not None else None
    connection.execute(insert(client).values(partner=owner.number, jwks=keys, **_row(new)))
    by_secret = new.auth_method is AuthMethod.CLIENT_SECRET_BASIC
    secret = client_secrets.add(connection, new.id, now=now) if by_secret else None
    return Credentials(get(connection, new.id), secret)


def get(connection: Connection, identifier: str, *, lock: bool = False) -> Client:
    """Return a client, locked to be changed if asked; raise `RegistryError` if there is none, or it cannot be."""
    statement = _selected().where(client.c.id == identifier)
    row = connection.execute(statement.with_for_update(of=client) if lock else statement).one_or_none()
    if row is None:
        raise RegistryError(f"there is no client {identifier}")
    if lock and row.status == Status.CLOSED:
        raise RegistryError(f"{identifier} is closed for good, as its partner is")
    return _client(row, client_secrets.of_clients(connection, [identifier]))


def every(connection: Connection, partner_id: str | None = None) -> Sequence[Client]:
    """Return all clients, or those of one partner, the oldest first."""
    statement = _selected().order_by(client.c.created_at, client.c.id)
    if partner_id is not None:
        statement = statement.where(partner.c.id == partners.get(connection, partner_id).id)
    rows = connection.execute(statement).all()
    held = client_secrets.of_clients(connection, [row.id for row in rows])
    return [_client(row, held) for row in rows]


def rotate_secret(connection: Connection, identifier: str, *, overlap: timedelta, now: datetime) -> Credentials:
    """Give a client a new secret; the one before works until `overlap` has passed."""
    held = get(connection, identifier, lock=True)
    if held.auth_method is not AuthMethod.CLIENT_SECRET_BASIC:
        raise RegistryError(f"{identifier} signs with its own keys; register its new key set instead")
    if overlap < timedelta(0):
        raise RegistryError("the overlap cannot be negative")
    secret = client_secrets.rotate(connection, identifier, overlap=overlap, now=now)
    return Credentials(get(connection, identifier), secret)


def replace_keys(connection: Connection, identifier: str, keys: Mapping[str, Any]) -> Credentials:
    """Register a client's new key set; what a key signs that is not in it is refused from now on."""
    held = get(connection, identifier, lock=True)
    if held.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        raise RegistryError(f"{identifier} proves itself by a secret and has no keys")
    checked = jwks.checked(keys, jwks.CLIENT_ALGORITHMS)
    connection.execute(update(client).where(client.c.id == identifier).values(jwks=checked))
    return Credentials(get(connection, identifier), None)


def bind_tokens(connection: Connection, identifier: str, *, bound: bool) -> Client:
    """Say whether a client gets tokens bound to a key only; once it does, its older tokens are dead (RFC 9449 §5.2)."""
    held = get(connection, identifier, lock=True)
    if held.dpop_bound is not bound:
        connection.execute(update(client).where(client.c.id == identifier).values(dpop_bound=bound))
        if bound:  # A token asked for at this very moment carries the version that its client was read with.
            kill_tokens(connection, client.c.id == identifier)
    return replace(held, dpop_bound=bound)


def suspend(connection: Connection, identifier: str) -> Client:
    """Stop a client's very next request; tokens it holds stay dead for good."""
    return _set_status(connection, identifier, Status.SUSPENDED)


def resume(connection: Connection, identifier: str) -> Client:
    """Let a suspended or lapsed client have tokens again; no token from before lives again."""
    resumed = _set_status(connection, identifier, Status.ACTIVE)
    connection.execute(update(client).where(client.c.id == identifier).values(resumed_at=func.now()))
    return resumed


def _set_status(connection: Connection, identifier: str, status: Status) -> Client:
    held = get(connection, identifier, lock=True)
    if held.status is not status:
        connection.execute(update(client).where(client.c.id == identifier).values(status=status))
        kill_tokens(connection, client.c.id == identifier)
        ending.end_of_client(connection, identifier)
    return replace(held, status=status)


def _selected() -> Select[Any]:
    dormant = client_use.is_dormant(func.now()).label("dormant")
    return select(*_COLUMNS, dormant, partner.c.id.label("owner"), partner.c.kind).select_from(
        client.join(partner, client.c.partner == partner.c.number)
    )


def _row(new: Client) -> dict[str, Any]:
    return {
        "id": new.id,
        "auth_method": new.auth_method,
        "scopes": list(new.scopes),
        "allowed_networks": list(new.allowed_networks),
        "redirect_uris": list(new.redirect_uris),
        "dpop_bound": new.dpop_bound,
        "status": new.status,
        "created_at": new.created_at,
    }


def _client(row: Row[Any], secrets_of: Mapping[str, tuple[Secret, ...]]) -> Client:
    return Client(
        id=row.id,
        partner=row.owner,
        kind=PartnerKind(row.kind),
        auth_method=AuthMethod(row.auth_method),
        scopes=tuple(row.scopes),
        allowed_networks=tuple(str(network) for network in row.allowed_networks),
        redirect_uris=tuple(row.redirect_uris),
        dpop_bound=row.dpop_bound,
        status=Status.LAPSED if row.dormant else Status(row.status),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        secrets=secrets_of.get(row.id, ()),
        keys=tuple(key.get("kid") for key in row.jwks["keys"]) if row.jwks else (),
    )
