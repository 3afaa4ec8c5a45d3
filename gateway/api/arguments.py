"""Reading what callers ask: unknown, repeated and malformed input is refused, all faults at once."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import Any, NoReturn

from flask import Request, Response, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, ValidationError
from marshmallow.fields import List
from webargs.flaskparser import FlaskParser

from gateway.api.bodies import json_body
from gateway.negotiation import form_wanted
from gateway.problems import Fault, invalid_request
from gateway.runtime import runtime
from serializers.clock import RulesClock
from serializers.lines import Streamable

View = Callable[..., Response]
Decorator = Callable[[View], View]
UNKNOWN = "Unknown field."
PAGING = frozenset({"limit", "cursor", "since"})


class Parser(FlaskParser):
    """webargs drops unknown query parameters and keeps the first of repeated ones; this one refuses both."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = dict.fromkeys(FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, RAISE)

    def load_querystring(self, req: Request, schema: Schema) -> dict[str, Any]:
        """Take the query string; what no schema sees is reported together with whatever else is wrong.

        As a plain mapping: where a parameter is absent, what webargs wraps it in raises and catches an error.
        """
        faults = [*_repeated(req, schema), *_paging_of_a_stream(req, schema)]
        if faults:
            others = _faults(schema.validate(req.args.to_dict()), location="query")
            raise invalid_request(*faults, *others)
        lists = _lists(schema)
        return {name: values if name in lists else values[0] for name, values in req.args.lists()}

    def load_json(self, req: Request, _schema: Schema) -> object:
        """Take the body; webargs would take any other media type for an empty object."""
        return json_body(req)

    def parse(self, *args: Any, **kwargs: Any) -> object:
        """Read and check, by the rules' clock."""
        with RulesClock(runtime().now()):
            return super().parse(*args, **kwargs)

    def handle_error(self, error: ValidationError, *_: object, **__: object) -> NoReturn:
        """Turn marshmallow's messages into faults."""
        location, messages = next(iter(error.messages_dict.items()))
        raise invalid_request(*_faults(messages, location=location)) from None


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest is untyped
    """A blueprint whose arguments are read by `Parser`."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: type[Schema], **how: Any) -> Any:  # noqa: ANN401 - flask-smorest's own decorator
        """Read arguments by one schema for all requests: it holds nothing of theirs, and making it takes time."""
        made = schema()
        reading = super().arguments(made, **how)
        return reading if made.fields or how.get("location") != "query" else _unless_empty(reading)


def _unless_empty(reading: Decorator) -> Decorator:
    """Read a query that may hold nothing only where it holds something: webargs takes its time over nothing too."""

    def decorate(view: View) -> View:
        read = reading(view)

        @wraps(read)
        def viewed(*args: Any, **kwargs: Any) -> Response:
            return read(*args, **kwargs) if request.query_string else view(*args, {}, **kwargs)

        return viewed

    return decorate


@cache
def _lists(schema: Schema) -> frozenset[str]:
    """The parameters that may be repeated."""
    return frozenset(field.data_key or name for name, field in schema.fields.items() if isinstance(field, List))


def _repeated(req: Request, schema: Schema) -> Iterator[Fault]:
    for name, values in req.args.lists():
        if len(values) > 1 and name not in _lists(schema):
            yield Fault("repeated_parameter", "Given more than once.", parameter=name)


def _paging_of_a_stream(req: Request, schema: Schema) -> Iterator[Fault]:
    if isinstance(schema, Streamable) and form_wanted() is not None:
        known = {field.data_key or name for name, field in schema.fields.items()}
        for name in PAGING & known & req.args.keys():
            yield Fault("not_with_a_stream", "A stream is the whole list, without pages.", parameter=name)


def _faults(messages: Mapping[str, Any], *, location: str) -> Iterator[Fault]:
    for path, text in _leaves(messages, ()):
        code = "unknown_parameter" if text == UNKNOWN else "invalid_value"
        if location == "query":
            yield Fault(code, text, parameter=path[0])
        else:
            yield Fault(code, text, pointer="".join(f"/{_escaped(part)}" for part in path))


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
