"""What webmasters are told in sums: statistics of what was shared when it was applied, and monthly statements (R10)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing, answer
from gateway.http import patience
from gateway.http.envelope import data
from gateway.http.negotiation import form_wanted
from gateway.http.paging import asked_alike
from gateway.http.streaming import listed, streamed
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.runtime import runtime
from partners import statements
from partners.statistics import Answer, Question, by_sub
from partners.statistics.queries import Asking
from partners.vocabulary import PartnerKind, Purpose, Scope, Work
from serializers import income
from serializers.answers import Statement
from serializers.figures import documents, row_schema, totals
from serializers.income import StatementsQuery
from serializers.lines import Document, Form, lines_of
from serializers.policies import VERSION
from serializers.policy.shapes import instant
from serializers.statistics import Asked, StatisticsQuery

CHUNK_ROWS = 10_000
"""Each chunk adds the whole range up again: few large ones."""
STATISTICS = Guard(
    PartnerKind.WEBMASTER,
    Scope.STATS_READ,
    "stats.query",
    Purpose.CAMPAIGNS,
    live=False,
    work=Work.STATS,
    for_tools=True,
)
BY_SUB = Guard(
    PartnerKind.WEBMASTER,
    Scope.MEMBERS_READ,
    "stats.query",
    Purpose.CAMPAIGNS,
    live=False,
    beside=Scope.STATS_READ,
)
"""Sub ids can stand for one person: whoever groups by them must be let have member rows too."""
STATEMENTS = Guard(
    PartnerKind.WEBMASTER,
    Scope.STATS_READ,
    "statements.list",
    Purpose.INCOME,
    live=False,
    work=Work.STATS,
    for_tools=True,
)

blueprint = ApiBlueprint("statistics", __name__, url_prefix="/v1/webmaster")


@blueprint.route("/stats")
@guarded_by(STATISTICS)
@blueprint.arguments(StatisticsQuery, location="query")
def query_statistics(caller: Caller, asked: Asked) -> Response:
    """The webmaster's statistics, page by page with totals, or whole as lines."""
    guard = BY_SUB if by_sub(asked.question.groups) else STATISTICS
    guard.require(caller)
    form = form_wanted()
    disclosing = Disclosing(caller, guard)
    response = _page(disclosing, asked) if form is None else _stream(disclosing, asked.question, form)
    response.headers.add("Vary", "Accept")
    return response


@blueprint.route("/statements")
@guarded_by(STATEMENTS)
@blueprint.arguments(StatementsQuery, location="query")
def list_statements(caller: Caller, query: dict[str, Any]) -> Response:
    """What is owed to the webmaster for final months, withheld members included."""
    statement, parameters = statements.asking(now=runtime().now(), month=query.get("month"))
    disclosing = Disclosing(caller, STATEMENTS)
    rows = answer(statement, disclosing, parameters)
    return listed(income.documents(statements.listed(rows)), disclosing, Statement)


def _page(disclosing: Disclosing, asked: Asked) -> Response:
    cursors, groups = runtime().cursors, asked.question.groups
    bound_to = asked_alike(disclosing.guard, disclosing.caller, asked.identity())
    found = _ask(disclosing, asked.question, cursors.open(asked.cursor, bound_to=bound_to))
    page = {
        "next_cursor": cursors.seal(found.position, bound_to=bound_to) if found.has_more else None,
        "has_more": found.has_more,
    }
    meta = {
        "timezone": asked.question.zone.key,
        "data_through": instant(found.through) if found.through is not None else None,
        "policy_version": VERSION,
    }
    rows, sums = documents(found.rows, groups), totals(found.totals, groups)
    return data({"data": rows, "totals": sums, "page": page, "meta": meta})


def _stream(disclosing: Disclosing, question: Question, form: Form) -> Response:
    lines = lines_of(form, row_schema(question.groups))
    return streamed(_chunks(disclosing, replace(question, limit=CHUNK_ROWS)), lines, disclosing)


def _chunks(disclosing: Disclosing, question: Question) -> Iterator[Sequence[Document]]:
    """Each chunk is an answer of its own: the caller's standing is asked again, and it is on record before it goes."""
    found = _ask(disclosing, question)
    yield documents(found.rows, question.groups)
    while found.has_more:
        found = _ask(replace(disclosing, at=datetime.now(UTC)), question, found.position)
        yield documents(found.rows, question.groups)


def _ask(disclosing: Disclosing, question: Question, position: Sequence[str | None] | None = None) -> Answer:
    asking = Asking(question, position)
    with patience.searching():
        return asking.answer(answer(asking.statement, disclosing, asking.parameters(), patient=True))
