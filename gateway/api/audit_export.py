"""The access log for auditors' own tools: everything that a search finds, as lines."""

from typing import Any

from flask import Response, g

from gateway.api.arguments import ApiBlueprint
from gateway.auditing.looks import guard_of, look, while_admitted
from gateway.auditing.searches import asked_of
from gateway.disclosure import Disclosing
from gateway.http import patience
from gateway.http.streaming import streamed
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded_by
from gateway.runtime import runtime
from partners.vocabulary import Work
from serializers.audit import ExportQuery, lines_of_export
from serializers.search.searches import entries_until

EXPORT = guard_of("audit.export", Work.EXPORTS)

blueprint = ApiBlueprint("audit_export", __name__, url_prefix="/v1/audit")


@blueprint.route("/export")
@guarded_by(EXPORT)
@blueprint.arguments(ExportQuery, location="query")
def export_accesses(caller: Caller, query: dict[str, Any]) -> Response:
    """Every entry that matches everything asked, newest first, as of now; the export itself is on record before."""
    engine = runtime().database.write
    with engine.begin() as connection:
        asked = asked_of(connection, query)
        look(connection, EXPORT, caller, members=asked.search.asks_about if asked.search else ())
    patience.search()
    entries = entries_until(engine, asked.search, asked.policies, at=g.received_at)
    chunks = while_admitted(entries, EXPORT, caller)
    return streamed(chunks, lines_of_export(query["form"]), Disclosing(caller, EXPORT))
