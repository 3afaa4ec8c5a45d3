"""From what auditors ask to a search of the access log."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, true

from partners.access_log import search as log
from partners.access_log.identifiers import REQUEST_PREFIX, Place, instant_of, parse
from partners.access_log.search import Search
from partners.references import References
from partners.tables.access import access_log
from serializers.audit import TERMS, entry
from serializers.operations import OPERATIONS
from serializers.policy.recorded import Policies
from serializers.search.language import Mistake, Qualifier, QueryError, Term, read
from serializers.search.meaning import Meaning, Meant

CHUNK_ROWS = 500
Query = Mapping[str, Any]
"""A loaded `SearchQuery`."""


class UnknownFieldError(Exception):
    """No policy there ever was has a field of that name."""


def search_of(connection: Connection, query: Query, policies: Policies, references: References) -> Search | None:
    """What to look for; None where no entry can match. Raise `UnknownFieldError` or `QueryError`."""
    condition = _condition(query, policies)
    meant = _meant(query, Meaning(connection, policies, references, OPERATIONS))
    members = set(_members_meant(connection, query, references))
    request = parse(REQUEST_PREFIX, query["request_id"]) if "request_id" in query else None
    if None in members or len(members) > 1 or (request is None and "request_id" in query):
        return None
    return Search(
        member=next(iter(members), None),
        ip=str(query["ip"]) if "ip" in query else None,
        since=query.get("since"),
        until=query.get("until"),
        request=(query["request_id"], instant_of(request)) if request else None,
        condition=meant.condition if condition is None else and_(condition, meant.condition),
        asks_about=tuple(sorted({*meant.members, *(number for number in members if number is not None)})),
    )


def entries_until(
    engine: Engine, search: Search | None, policies: Policies, *, at: datetime
) -> Iterator[list[dict[str, Any]]]:
    """Yield every matching entry from before an instant, newest first, some at a time; each time is a query of its own.

    So no snapshot and no more memory is held than for a chunk, however long it takes to send them all.
    """
    if search is None:
        return
    search = replace(search, until=min(search.until or at, at))
    while True:
        with engine.connect() as connection:
            rows = log.find(connection, search, limit=CHUNK_ROWS)
        yield [entry(row, policies) for row in rows]
        if len(rows) < CHUNK_ROWS:
            return
        search = replace(search, after=Place(rows[-1].at, rows[-1].id))


def _meant(query: Query, meaning: Meaning) -> Meant:
    """What all parameters mean that are read as terms; raise `QueryError` with the mistakes of each."""
    found, mistakes = Meant(true(), ()), list[Mistake]()
    for name in (*TERMS, "q"):
        if name in query:
            try:
                terms = read(query[name]) if name == "q" else [Term(Qualifier(name), (query[name],))]
                meant = meaning.of(terms)
                found = Meant(and_(found.condition, meant.condition), meant.members)
            except QueryError as error:
                mistakes += [replace(mistake, parameter=name) for mistake in error.mistakes]
    if mistakes:
        raise QueryError(mistakes)
    return found


def _members_meant(connection: Connection, query: Query, references: References) -> Iterator[int | None]:
    """The member's number, once for each parameter that means one; None for an unknown one."""
    if "member" in query:
        yield log.member_number(connection, query["member"])
    if "ref" in query:
        yield log.number_by_ref(connection, references, query["ref"], of=query["partner"])


def _condition(query: Query, policies: Policies) -> ColumnElement[bool] | None:
    field, reason = query.get("field"), query.get("reason")
    if field is not None and not policies.knows_field(field):
        raise UnknownFieldError
    if reason is not None and field is not None:
        return policies.withheld_for(reason, field)
    if reason is not None:
        return or_(access_log.c.reason == reason, policies.withheld_for(reason))
    return policies.field_released(field) if field is not None else None
