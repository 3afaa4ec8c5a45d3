"""The search page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from flask import Response, request
from sqlalchemy import Connection

from gateway.account.pages import to
from gateway.console.auditors import Auditor, ask_case, blueprint, console_page, for_auditors
from gateway.http import patience
from gateway.http.cursors import place_at, position_at
from gateway.runtime import runtime
from partners.access_log import search as log
from partners.access_log.identifiers import ACCESS_PREFIX, parse
from partners.access_log.policy_versions import policy_documents
from partners.access_log.search import Search
from partners.vocabulary import Outcome, Reason
from serializers.audit import entry
from serializers.policy.recorded import Policies
from serializers.search.language import ABOUT_SOMEBODY, QueryError, Term, read, write
from serializers.search.searches import search_of

OPERATION = "audit.search"
ROWS = 50


@dataclass(frozen=True)
class Results:
    """A page of what a search found."""

    entries: Sequence[dict[str, Any]] = ()
    next_cursor: str | None = None


@blueprint.get("/search")
@for_auditors(OPERATION)
def search(auditor: Auditor) -> Response:
    """Entries that match every term, newest first; of a member only for a case."""
    query = request.args.get("q", "").strip()
    if parse(ACCESS_PREFIX, query) is not None:
        return to(f"/console/entries/{query}")
    try:
        terms = read(query)
        if is_about_somebody(terms) and auditor.case is None:
            return ask_case()
        results = _found(auditor, query)
    except QueryError as error:
        refuse(auditor, OPERATION)
        return _page(auditor, query, mistakes=error.mistakes, status=HTTPStatus.BAD_REQUEST)
    each = [(write([term]), _without(terms, term)) for term in terms]
    return _page(auditor, query, terms=each, results=results, is_personal=is_about_somebody(terms))


def refuse(auditor: Auditor, operation: str) -> None:
    """Put on record that a search could not be read: what is said of its mistakes tells which names there are."""
    auditor.look_in_vain(operation, Outcome.DENIED, HTTPStatus.BAD_REQUEST, Reason.UNKNOWN)


def is_about_somebody(terms: Sequence[Term]) -> bool:
    """Whether a search names a member."""
    return any(term.qualifier in ABOUT_SOMEBODY for term in terms)


def asked(connection: Connection, query: str) -> tuple[Search | None, Policies]:
    """What a query asks for, and what explains its findings; raise `QueryError`."""
    policies = Policies(policy_documents(connection))
    return search_of(connection, {"q": query} if query else {}, policies, runtime().references), policies


def _found(auditor: Auditor, query: str) -> Results:
    cursors, bound_to = runtime().cursors, {"person": auditor.person.id, "q": query}
    position = cursors.open(request.args.get("after"), bound_to=bound_to, parameter="after")
    with runtime().database.write.begin() as connection:
        wanted, policies = asked(connection, query)
        log.wait_until_readable(connection)
        with patience.searching():
            rows = log.find(connection, replace(wanted, after=place_at(position)), limit=ROWS + 1) if wanted else []
        outcome = Outcome.RELEASED if rows else Outcome.EMPTY
        auditor.look(connection, OPERATION, outcome=outcome, members=wanted.asks_about if wanted else ())
    said = rows[:ROWS]
    has_more = len(rows) > len(said)
    next_cursor = cursors.seal(position_at(said[-1].at, said[-1].id), bound_to=bound_to) if has_more else None
    return Results([entry(row, policies) | {"instant": row.at} for row in said], next_cursor)


def _page(auditor: Auditor, query: str, *, status: HTTPStatus = HTTPStatus.OK, **told: Any) -> Response:
    usual = {"results": Results(), "terms": (), "mistakes": (), "is_first": "after" not in request.args}
    return console_page(auditor, "search.html", status, query=query, **(usual | told))


def _without(terms: Sequence[Term], one: Term) -> str:
    return write(term for term in terms if term is not one)
