"""Searches that people of an auditor save for each other."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from partners.people.accounts import Person
from partners.tables.consent import person
from partners.tables.console import saved_search
from partners.tables.partner import partner

MOST = 200
"""So many one auditor's people may have."""
LONGEST_NAME = 80


class NoRoomError(Exception):
    """There are as many as there may be."""


def saved_for(connection: Connection, somebody: Person) -> list[Row[Any]]:
    """Return `number`, `name`, `query`, `created_at` and `saved_by` of the searches that somebody sees, by name."""
    columns = saved_search.c["number", "name", "query", "created_at"]
    found = select(*columns, person.c.name.label("saved_by")).join_from(saved_search, person)
    own = saved_search.c.partner == _owner(somebody)
    return list(connection.execute(found.where(own).order_by(saved_search.c.name)))


def save(connection: Connection, somebody: Person, name: str, query: str) -> None:
    """Save a search, in place of one of the same name; raise `NoRoomError`."""
    owner = _owner(somebody)
    others = select(func.count()).where(saved_search.c.partner == owner, saved_search.c.name != name)
    if connection.execute(others).scalar_one() >= MOST:
        raise NoRoomError
    new = insert(saved_search).values(partner=owner, name=name, query=query, person=somebody.number)
    changed = {"query": query, "person": somebody.number, "created_at": func.now()}
    connection.execute(new.on_conflict_do_update(index_elements=["partner", "name"], set_=changed))


def forget(connection: Connection, somebody: Person, number: int) -> bool:
    """Delete a search; return whether there was one."""
    own = (saved_search.c.number == number, saved_search.c.partner == _owner(somebody))
    return connection.execute(delete(saved_search).where(*own)).rowcount == 1


def _owner(somebody: Person) -> Any:  # noqa: ANN401 - a scalar subquery
    return select(partner.c.number).where(partner.c.id == somebody.partner).scalar_subquery()
