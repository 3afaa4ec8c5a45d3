"""The access log for auditors' own tools: everything that a search finds, as lines."""

from typing import Any

from flask import Response, g

from gateway import patience
from gateway.api.arguments import ApiBlueprint
from gateway.audit_looks import look
from gateway.audit_search import asked_of
from gateway.disclosure import Disclosing
from gateway.oauth.caller import Caller
from gateway.oauth.challenges import refusal
from gateway.oauth.guard import Guard, guarded_by, reason_against
from gateway.runtime import runtime
from gateway.streaming import Chunks, streamed
from partners.vocabulary import PartnerKind, Purpose, Scope, Work
from serializers.audit import ExportQuery, lines_of_export
from serializers.searches import entries_until

EXPORT = Guard(PartnerKind.AUDITOR, Scope.AUDIT_READ, "audit.export", Purpose.SECURITY, live=True, work=Work.EXPORTS)

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
    return streamed(_while_admitted(entries, caller), lines_of_export(query["form"]), Disclosing(caller, EXPORT))


def _while_admitted(chunks: Chunks, caller: Caller) -> Chunks:
    """End with a problem where the caller may not act any more: a suspension stops what is under way too."""
    for chunk in chunks:
        yield chunk
        reason = reason_against(caller, member_rows=False)
        if reason is not None:
            raise refusal(reason, EXPORT.scope)
