"""Reading what callers ask: unknown, repeated and malformed input is refused, all faults at once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, wraps
from typing import Any, NoReturn

from flask import Request, Response, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import Field, List, Nested
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from gateway.api.bodies import json_body
from gateway.http.cursors import may_be_cursor, no_cursor
from gateway.http.negotiation import form_wanted
from gateway.http.paging import open_watermark
from gateway.http.problems import Fault, Problem, invalid_request
from gateway.oauth.caller import Caller
from gateway.runtime import runtime
from serializers.clock import RulesClock
from serializers.lines import Streamable
from serializers.queries import Cursor, Watermark

View = Callable[..., Response]
Decorator = Callable[[View], View]
UNKNOWN, NO_OBJECT = "Unknown field.", "Invalid input type."
"""As marshmallow says it."""
MOST_NAMED = 12
PAGING = frozenset({"limit", "cursor"})


class Parser(FlaskParser):
    """webargs for bodies: it would take unknown fields, and any other media type for an empty object."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = dict.fromkeys(FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, RAISE)

    def load_json(self, req: Request, _schema: Schema) -> object:
        """Take the body."""
        return json_body(req)

    def parse(self, *args: Any, **kwargs: Any) -> object:
        """Read and check, by the rules' clock."""
        with RulesClock(runtime().now()):
            return super().parse(*args, **kwargs)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_: object) -> NoReturn:  # noqa: ARG002
        """Turn marshmallow's messages into faults."""
        location, messages = next(iter(error.messages_dict.items()))
        raise invalid_request(*_faults(messages, schema, location=location)) from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest is untyped
    """A blueprint whose bodies are read by `Parser`, and whose queries by `read_query`."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: type[Schema], **how: Any) -> Any:  # noqa: ANN401 - flask-smorest's own decorator
        """Read arguments by one schema for all requests: it holds nothing of theirs, and making it takes time."""
        made = schema()
        described = super().arguments(made, **how)
        return _reading_queries(described, made) if how.get("location") == "query" else _with_body(described, made)


def read_query(schema: Schema, caller: Caller) -> dict[str, Any]:
    """Return what the current request asks by its query; raise the problem with all that is wrong with it.

    Every list request comes by here. webargs would take twice as long, drop unknown parameters, and keep the first of
    repeated ones.
    """
    if not request.query_string and not schema.fields:
        return {}
    asked = request.args
    faults = [*_repeated(asked, schema), *_paging_of_a_stream(asked, schema)]
    lists = _lists(schema)
    query: dict[str, Any] = {name: values if name in lists else values[0] for name, values in asked.lists()}
    with RulesClock(runtime().now()):
        try:
            query = schema.load(query, unknown=RAISE)
        except ValidationError as error:
            faults += _faults(error.messages_dict, schema, location="query")
    if faults:
        raise invalid_request(*faults, *_no_cursors(asked, schema, caller, known={each.parameter for each in faults}))
    return query


def _reading_queries(described: Decorator, schema: Schema) -> Decorator:
    """Let flask-smorest describe the parameters, and read them without it."""

    def decorate(view: View) -> View:
        @wraps(described(view))
        def viewed(caller: Caller, *args: Any, **kwargs: Any) -> Response:
            try:
                query = read_query(schema, caller)
            except Problem as refused:
                raise _with_faults_of_body(view, refused) from None
            return view(caller, *args, query, **kwargs)

        return viewed

    return decorate


def _with_body(described: Decorator, schema: Schema) -> Decorator:
    def decorate(view: View) -> View:
        viewed = described(view)
        viewed.body = schema  # type: ignore[attr-defined]
        return viewed

    return decorate


def _with_faults_of_body(view: View, refused: Problem) -> Problem:
    """A refused query, and what is wrong with the body besides; a body that is none at all comes first."""
    body: Schema | None = getattr(view, "body", None)
    if body is not None:
        try:
            ApiBlueprint.ARGUMENTS_PARSER.parse(body, location="json")
        except Problem as worse:
            return invalid_request(*refused.errors, *worse.errors) if worse.errors else worse
    return refused


@cache
def _fields(schema: Schema) -> Mapping[str, Field[Any]]:
    """The parameters or keys that there are, by name."""
    return {field.data_key or name: field for name, field in schema.fields.items()}


@cache
def _lists(schema: Schema) -> frozenset[str]:
    """The parameters that may be repeated."""
    return frozenset(name for name, field in _fields(schema).items() if isinstance(field, List))


def _repeated(asked: MultiDict[str, str], schema: Schema) -> Iterator[Fault]:
    for name, values in asked.lists():
        if len(values) > 1 and name not in _lists(schema):
            yield Fault("repeated_parameter", "Given more than once.", parameter=name)


def _paging_of_a_stream(asked: MultiDict[str, str], schema: Schema) -> Iterator[Fault]:
    if isinstance(schema, Streamable) and form_wanted() is not None:
        for name in PAGING & _fields(schema).keys() & asked.keys():
            yield Fault("not_with_a_stream", "A stream is the whole list, without pages.", parameter=name)


def _no_cursors(
    asked: MultiDict[str, str], schema: Schema, caller: Caller, *, known: Collection[str | None]
) -> Iterator[Fault]:
    """What is no cursor whatever else is asked; whether one is of this query, a query with faults cannot tell."""
    for parameter, field in _fields(schema).items():
        if not isinstance(field, Cursor) or parameter in known or parameter not in asked:
            continue
        if isinstance(field, Watermark):
            try:
                open_watermark(asked[parameter], caller, parameter=parameter)
            except Problem as refused:
                yield from refused.errors
        elif not may_be_cursor(asked[parameter]):
            yield no_cursor(parameter)


def _faults(messages: Mapping[str, Any], schema: Schema, *, location: str) -> Iterator[Fault]:
    for path, text in _leaves(messages, ()):
        code, detail = "invalid_value", "A JSON object is needed." if text == NO_OBJECT else text
        if text == UNKNOWN:
            code, detail = "unknown_parameter", f"{UNKNOWN}{_instead_of(path, schema)}"
        if location == "query":
            yield Fault(code, detail, parameter=path[0])
        else:
            yield Fault(code, detail, pointer="".join(f"/{_escaped(part)}" for part in path))


def _instead_of(path: Sequence[str], schema: Schema) -> str:
    """Say which names there are beside one that there is not, where they are few."""
    for step in path[:-1]:
        field = _fields(schema).get(step)
        schema = field.schema if isinstance(field, Nested) else schema
    names = _fields(schema)
    if len(names) > MOST_NAMED:
        return ""
    return f" There is: {', '.join(names)}." if names else " There is none here."


def _escaped(part: str) -> str:
    """RFC 6901."""
    return part.replace("~", "~0").replace("/", "~1")


def _leaves(messages: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            yield from _leaves(value, path if key == "_schema" else (*path, str(key)))
    elif isinstance(messages, list):
        for text in messages:
            yield from _leaves(text, path)
    else:
        yield path, str(messages)
