"""What webmasters are told in sums: statistics of what was shared when it happened, and monthly statements (R10)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing
from gateway.envelope import data
from gateway.negotiation import form_wanted
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.runtime import runtime
from gateway.streaming import streamed
from partners.statements import statements
from partners.statistics import ask, by_sub, data_through
from partners.vocabulary import Outcome, PartnerKind, Purpose, Scope, Work
from serializers import income
from serializers.income import StatementsQuery
from serializers.lines import Document, Form, lines_of
from serializers.policies import VERSION
from serializers.policy.shapes import instant
from serializers.statistics import LARGEST_PAGE, Asked, StatisticsQuery, documents, row_schema, totals

STATISTICS = Guard(
    PartnerKind.WEBMASTER, Scope.STATS_READ, "stats.query", Purpose.CAMPAIGNS, live=True, work=Work.STATS
)
BY_SUB = Guard(PartnerKind.WEBMASTER, Scope.MEMBERS_READ, "stats.query", Purpose.CAMPAIGNS, live=True)
"""Sub ids can stand for one person: whoever groups by them must be let have member rows too."""
STATEMENTS = Guard(
    PartnerKind.WEBMASTER, Scope.STATS_READ, "statements.list", Purpose.INCOME, live=True, work=Work.STATS
)

blueprint = ApiBlueprint("statistics", __name__, url_prefix="/v1/webmaster")


@blueprint.route("/stats")
@guarded_by(STATISTICS)
@blueprint.arguments(StatisticsQuery, location="query")
def query_statistics(caller: Caller, asked: Asked) -> Response:
    """The webmaster's statistics, page by page with totals, or whole as lines."""
    if by_sub(asked.question.groups):
        BY_SUB.require(caller)
    form = form_wanted()
    response = _page(caller, asked) if form is None else _stream(caller, asked, form)
    response.vary.add("Accept")
    return response


@blueprint.route("/statements")
@guarded_by(STATEMENTS)
@blueprint.arguments(StatementsQuery, location="query")
def list_statements(caller: Caller, query: dict[str, Any]) -> Response:
    """What is owed to the webmaster for final months, withheld members included."""
    held = runtime()
    with held.database.write.begin() as connection:
        found = statements(connection, caller.partner, now=held.now(), month=query.get("month"))
        STATEMENTS.note(connection, caller, outcome=_outcome(found))
    return data({"data": income.documents(found)})


def _page(caller: Caller, asked: Asked) -> Response:
    cursors = runtime().cursors
    bound_to = {"client": caller.client, **asked.identity()}
    position = cursors.open(asked.cursor, bound_to=bound_to)
    with runtime().database.write.begin() as connection:
        answer = ask(connection, caller.partner, asked.question, position)
        through = data_through(connection)
        STATISTICS.note(connection, caller, outcome=_outcome(answer.lines))
    page = {
        "next_cursor": cursors.seal(answer.position, bound_to=bound_to) if answer.has_more else None,
        "has_more": answer.has_more,
    }
    meta = {
        "timezone": asked.question.zone.key,
        "data_through": instant(through) if through is not None else None,
        "policy_version": VERSION,
    }
    rows = documents(answer.lines, asked.question.groups)
    return data({"data": rows, "totals": totals(answer.totals), "page": page, "meta": meta})


def _stream(caller: Caller, asked: Asked, form: Form) -> Response:
    lines = lines_of(form, row_schema(asked.question.groups))
    return streamed(_chunks(caller, asked), lines, Disclosing(caller, STATISTICS))


def _chunks(caller: Caller, asked: Asked) -> Iterator[Sequence[Document]]:
    """Page after page; the first is on record before it is handed out, and the whole with it."""
    question, database = replace(asked.question, limit=LARGEST_PAGE), runtime().database
    with database.write.begin() as connection:
        answer = ask(connection, caller.partner, question)
        STATISTICS.note(connection, caller, outcome=_outcome(answer.lines))
    yield documents(answer.lines, question.groups)
    while answer.has_more:
        with database.write.connect() as connection:
            answer = ask(connection, caller.partner, question, answer.position)
        yield documents(answer.lines, question.groups)


def _outcome(found: Sequence[object]) -> Outcome:
    return Outcome.RELEASED if found else Outcome.EMPTY
