"""Session issuers: the services whose JWTs say which model is logged in, and the clients that may present them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from partners.registry import RegistryError, clients, jwks
from partners.tables.activity import model
from partners.tables.partner import issuer, issuer_client
from partners.texts import is_label
from partners.vocabulary import PartnerKind

LONGEST_ISSUER = 255


@dataclass(frozen=True)
class Issuer:
    """A registered session issuer; no clients named means every model center's."""

    id: str
    clients: tuple[str, ...]
    keys: tuple[str, ...]
    """The `kid` of each; `-` for a key without."""


def add(connection: Connection, identifier: str, keys: Mapping[str, Any], named: tuple[str, ...] = ()) -> Issuer:
    """Register an issuer, or its new key set; raise `RegistryError` if a value is unfit."""
    if not is_label(identifier, LONGEST_ISSUER):
        raise RegistryError(f"an issuer is the `iss` of its JWTs: 1 to {LONGEST_ISSUER} printable characters")
    for client in named:
        if clients.get(connection, client).kind is not PartnerKind.MODEL_CENTER:
            raise RegistryError(f"{client} is no client of a model center; only those exchange session JWTs")
    checked = jwks.checked(keys, jwks.ISSUER_ALGORITHMS)
    statement = insert(issuer).values(id=identifier, jwks=checked)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"jwks": checked}))
    if named:
        bound = [{"issuer": identifier, "client": client} for client in named]
        connection.execute(insert(issuer_client).values(bound).on_conflict_do_nothing())
    return _get(connection, identifier)


def every(connection: Connection) -> list[Issuer]:
    """Return all issuers, in order of their names."""
    return [_get(connection, each) for each in connection.execute(select(issuer.c.id).order_by(issuer.c.id)).scalars()]


def remove(connection: Connection, identifier: str) -> Issuer:
    """Exchange none of an issuer's JWTs any more, and return what it was; raise `RegistryError` if there is none."""
    removed = _get(connection, identifier)
    connection.execute(delete(issuer_client).where(issuer_client.c.issuer == identifier))
    connection.execute(delete(issuer).where(issuer.c.id == identifier))
    return removed


def _get(connection: Connection, identifier: str) -> Issuer:
    keys = connection.execute(select(issuer.c.jwks).where(issuer.c.id == identifier)).scalar_one_or_none()
    if keys is None:
        raise RegistryError(f"no issuer {identifier}")
    held = select(issuer_client.c.client).where(issuer_client.c.issuer == identifier).order_by(issuer_client.c.client)
    kids = tuple(str(key.get("kid", "-")) for key in keys["keys"])
    return Issuer(identifier, tuple(connection.execute(held).scalars()), kids)


def keys_for(connection: Connection, identifier: str, *, client: str) -> Mapping[str, Any] | None:
    """Return the JWK set of an issuer whose session JWTs a client may present; nothing if it may not."""
    bound = exists().where(issuer_client.c.issuer == issuer.c.id)
    permitted = or_(~bound, bound.where(issuer_client.c.client == client))
    row = connection.execute(select(issuer.c.jwks).where(issuer.c.id == identifier, permitted)).one_or_none()
    return None if row is None else row.jwks


def knows_model(connection: Connection, identifier: str) -> bool:
    """Hold if the platform has registered this model."""
    return connection.execute(select(model.c.number).where(model.c.id == identifier)).first() is not None
