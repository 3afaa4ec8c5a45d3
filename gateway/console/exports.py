"""Exports of a search: everything that it finds, as lines; on record before the first of them."""

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Response, g, request

from gateway.account.browser import browser
from gateway.account.pages import PageError, form_of_ours
from gateway.console.auditors import Auditor, blueprint, for_auditors
from gateway.console.searching import asked, refuse
from gateway.http import patience
from gateway.http.streaming import Chunks, sent
from gateway.runtime import runtime
from partners.people import sessions
from partners.vocabulary import Work
from serializers.audit import ExportForm, lines_of_export
from serializers.search.language import QueryError
from serializers.search.searches import entries_until

OPERATION = "audit.export"
SUFFIXES = {ExportForm.CSV: "csv", ExportForm.NDJSON: "ndjson", ExportForm.OCSF: "ocsf.ndjson"}


class SignedOutError(Exception):
    """Whoever asked for an export may not look any more."""


@blueprint.post("/export")
@for_auditors(OPERATION, needs_case=True, work=Work.EXPORTS)
def export(auditor: Auditor) -> Response:
    """Everything that a search finds, as of now, newest first."""
    form_of_ours()
    form, query, engine = _form(request.form.get("format", "")), request.form.get("q", ""), runtime().database.write
    try:
        with engine.begin() as connection:
            wanted, policies = asked(connection, query)
            auditor.look(connection, OPERATION, members=wanted.asks_about if wanted else ())
    except QueryError as error:
        refuse(auditor, OPERATION)
        raise PageError(HTTPStatus.BAD_REQUEST, "This search cannot be read", str(error)) from None
    patience.search()
    entries = _while_signed_in(entries_until(engine, wanted, policies, at=g.received_at), browser().token)
    response = sent(entries, lines_of_export(form), auditor.access(OPERATION))
    name = f"access-log-{g.received_at:%Y-%m-%dT%H%M%SZ}.{SUFFIXES[form]}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _form(text: str) -> ExportForm:
    forms = {form.value: form for form in SUFFIXES}
    if text not in forms:
        raise PageError(HTTPStatus.BAD_REQUEST, "There is no such format", f"Choose one of: {', '.join(forms)}.")
    return forms[text]


def _while_signed_in(chunks: Chunks, token: str) -> Chunks:
    """Cut the stream where the session ends meanwhile, by signing out or by a suspension."""
    engine = runtime().database.write
    for chunk in chunks:
        yield chunk
        with engine.begin() as connection:
            if sessions.find(connection, token, now=datetime.now(UTC)) is None:
                raise SignedOutError
