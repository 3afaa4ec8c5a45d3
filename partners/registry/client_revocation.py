"""What a client proves itself by has leaked: it ends at once, and every token and consent with it."""

from sqlalchemy import Connection, select, update

from partners.consents import ending
from partners.consents.ending import EndedBy
from partners.registry import RegistryError
from partners.registry import secrets as client_secrets
from partners.registry.clients import Client, get
from partners.registry.token_versions import kill_tokens
from partners.tables.partner import client
from partners.vocabulary import AuthMethod


def revoke(connection: Connection, identifier: str, credential: str | None = None) -> tuple[Client, list[str]]:
    """End a secret or key of a client, or all of them, its tokens and what it was allowed; return it and what ended."""
    held = get(connection, identifier, lock=True)
    if held.auth_method is AuthMethod.CLIENT_SECRET_BASIC:
        ended = client_secrets.remove(connection, identifier, credential)
    else:
        ended = _remove_keys(connection, identifier, credential)
    if credential is not None and not ended:
        raise RegistryError(f"{identifier} has no secret or key {credential}; `gateway clients list` names them")
    kill_tokens(connection, client.c.id == identifier)
    ending.end_of_client(connection, identifier, EndedBy.REVOCATION)
    return get(connection, identifier), ended


def _remove_keys(connection: Connection, identifier: str, kid: str | None) -> list[str]:
    stored = connection.execute(select(client.c.jwks).where(client.c.id == identifier)).scalar_one()
    left = [key for key in stored["keys"] if kid is not None and key.get("kid") != kid]
    connection.execute(update(client).where(client.c.id == identifier).values(jwks={"keys": left}))
    return [str(key.get("kid", "-")) for key in stored["keys"] if key not in left]
