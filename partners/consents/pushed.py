"""Pushed authorization requests (RFC 9126): kept until the browser comes, for a minute and a half, for one use."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert

from partners.secrets import digest_of
from partners.tables.consent import pushed_request

URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
LASTS = timedelta(seconds=90)


def keep(connection: Connection, client: str, parameters: Mapping[str, Any], *, now: datetime) -> str:
    """Keep a request of a client; return its `request_uri`."""
    uri = URI_PREFIX + secrets.token_urlsafe(32)
    values = {"digest": digest_of(uri), "client": client, "parameters": dict(parameters), "expires_at": now + LASTS}
    connection.execute(insert(pushed_request).values(**values))
    return uri


def take(connection: Connection, uri: str, *, client: str, now: datetime) -> Mapping[str, Any] | None:
    """Take out a client's own request, once; nothing if it is unknown, used, expired or another's."""
    own = (pushed_request.c.digest == digest_of(uri), pushed_request.c.client == client)
    statement = delete(pushed_request).where(*own).returning(*pushed_request.c["parameters", "expires_at"])
    row = connection.execute(statement).one_or_none()
    return row.parameters if row is not None and now < row.expires_at else None
