"""Tokens carry the version of their client: those of an earlier one are dead with the next request."""

from sqlalchemy import ColumnElement, Connection, update

from partners.tables.partner import client


def kill_tokens(connection: Connection, of: ColumnElement[bool]) -> None:
    """End every token of the clients for which this holds, for good."""
    connection.execute(update(client).where(of).values(version=client.c.version + 1))
