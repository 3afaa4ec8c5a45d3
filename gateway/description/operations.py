"""From a guarded route to its operation: parameters from the schemas, security and errors from the guard."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from marshmallow import Schema
from werkzeug.routing import Rule

from gateway.api.bodies import MERGE_PATCH
from gateway.auditing.looks import NUMBER, PURPOSE
from gateway.description import events
from gateway.description.answers import ANSWERS, Told
from gateway.description.errors import LIMITED, Document, errors_of, headers
from gateway.description.examples import EXAMPLES
from gateway.description.fields import IN_PATH
from gateway.http.envelope import JSON
from gateway.http.negotiation import MEDIA_TYPES
from gateway.oauth.guard import Guard
from partners.access_log.cases import LONGEST_NUMBER
from partners.vocabulary import RECIPIENTS, CasePurpose, PartnerKind
from serializers.lines import Form, Streamable
from serializers.queries import NoQuery

View = Callable[..., Any]
REVALIDATED = frozenset(RECIPIENTS)
"""Audiences whose answers carry an `ETag` (contract §7)."""
IF_NONE_MATCH: Document = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The `ETag` of an earlier answer.",
    "schema": {"type": "string"},
}
CASE: tuple[Document, ...] = (
    {
        "in": "header",
        "name": NUMBER,
        "description": f"For which case this is asked, by the number of your own records; together with `{PURPOSE}`.",
        "schema": {
            "type": "string",
            "maxLength": LONGEST_NUMBER,
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._/#-]*$",
            "description": "A digit is among its characters.",
        },
    },
    {
        "in": "header",
        "name": PURPOSE,
        "description": f"What the case is about; together with `{NUMBER}`. Both are sealed with the record.",
        "schema": {"type": "string", "enum": list(CasePurpose)},
    },
)
"""What every look of an auditor may tell."""


def operation_of(rule: Rule, method: str, view: View) -> Document:
    """Describe a guarded view under one method."""
    guard: Guard = view.guard  # type: ignore[attr-defined]
    query, body = _schema_at("query", view), _body(rule, view)
    told = ANSWERS[rule.endpoint]
    summary, _, more = (getdoc(view) or "").partition("\n\n")
    revalidated = method == "GET" and guard.kind in REVALIDATED
    return {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [guard.kind.value],
        "summary": summary,
        "description": "\n\n".join(part for part in (more, _asks(guard, streams=_streams(query))) if part),
        "security": _security(guard),
        "parameters": [*_parameters(rule, query), *([IF_NONE_MATCH] if revalidated else []), *_case(guard)],
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": {
            **_good(rule.endpoint, told, guard, streams=_streams(query), revalidated=revalidated),
            **errors_of(
                guard,
                names_something=bool(rule.arguments),
                has_body=body is not None,
                can_conflict=_can_conflict(guard, method),
            ),
        },
    }


def _can_conflict(guard: Guard, method: str) -> bool:
    return guard.operation == "requests.archive" or (method == "POST" and guard.operation.startswith("requests."))


def _case(guard: Guard) -> tuple[Document, ...]:
    return CASE if guard.kind is PartnerKind.AUDITOR else ()


def _asks(guard: Guard, *, streams: bool) -> str:
    scopes = " or ".join(f"`{scope}`" for scope in (guard.scope, guard.or_scope) if scope)
    sentences = [f"Needs {scopes}.", f"On record as `{guard.operation}`, for `{guard.purpose}`."]
    sentences += [f"Counts as `{guard.work}`."] if guard.work else ["Not limited."]
    sentences += ["As lines it is the whole list, without `limit` and `cursor`."] if streams else []
    sentences += ["Counts as `exports` then."] if guard.streams else []
    return " ".join(sentences)


def _security(guard: Guard) -> list[Document]:
    # No client credentials open a card: a model center acts for a model by an exchanged token.
    schemes = ["accessToken"] if guard.kind is PartnerKind.MODEL_CENTER else ["clientCredentials", "accessToken"]
    tools: list[Document] = [{"authorizationCode": [guard.scope]}] if guard.for_tools else []
    return [{scheme: [scope]} for scheme in schemes for scope in (guard.scope, guard.or_scope) if scope] + tools


def _arguments(view: View) -> Iterator[Document]:
    yield from getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())


def _schema_at(location: str, view: View) -> type[Schema] | None:
    return next((type(argument["schema"]) for argument in _arguments(view) if argument["in"] == location), None)


def _streams(query: type[Schema] | None) -> bool:
    return query is not None and issubclass(query, Streamable)


def _parameters(rule: Rule, query: type[Schema] | None) -> Iterator[Document]:
    for name in sorted(rule.arguments):
        yield {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, **IN_PATH[name]}
    if query not in {None, NoQuery}:
        yield {"in": "query", "schema": query}


def _body(rule: Rule, view: View) -> Document | None:
    if rule.endpoint == events.ENDPOINT:
        return events.BODY
    schema = _schema_at("json", view)
    if schema is None:
        return None
    media_types = (MERGE_PATCH, JSON) if "PATCH" in (rule.methods or ()) else (JSON,)
    return {media_type: {"schema": schema} for media_type in media_types}


def _good(endpoint: str, told: Told, guard: Guard, *, streams: bool, revalidated: bool) -> Document:
    content: Document = {}
    if told.schema is not None:
        content[JSON] = {"schema": told.schema} | ({"example": EXAMPLES[endpoint]} if endpoint in EXAMPLES else {})
    if told.text is not None:
        content[told.media_type] = {"schema": {"type": "string", "description": told.text}}
    forms = told.forms or (tuple(Form) if streams or not content else ())
    content |= {MEDIA_TYPES[form]: _lines(form, ends=not told.is_endless) for form in forms}
    names = [*(LIMITED if guard.work else ()), *(["Location"] if told.status is HTTPStatus.CREATED else [])]
    names += ["ETag"] if revalidated else []
    names += told.headers
    good = {"description": told.status.phrase, "headers": headers(*names), "content": content}
    not_modified = {"304": {"description": "As it was.", "headers": headers(*names)}} if revalidated else {}
    return {str(int(told.status)): good, **not_modified}


def _lines(form: Form, *, ends: bool) -> Document:
    if form is Form.CSV:
        return {"schema": {"type": "string", "description": "RFC 4180, with dotted column names in a fixed order."}}
    meaning = "One row a line, as in `data`" + ('; the last line is `{"end": true, "rows": n}`.' if ends else ".")
    return {"schema": {"type": "string", "description": meaning}}
