"""From a schema to a serialiser: one generated list comprehension, proved equal to `Schema.dump` by the tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields

from serializers.policy.conditions import PolicyError
from serializers.policy.shapes import FUNCTIONS, Object, ObjectOrNull, Shape, Tools

type_of_serialiser = Callable[[Iterable[Sequence[Any]], Tools], list[dict[str, Any]]]


def compile_serialiser(schema: Schema, columns: Sequence[str], *, first: int = 0) -> type_of_serialiser:
    """Generate the function that turns rows into what `schema.dump` would say, but for dates and instants.

    Those stay what they are until JSON is written (`serializers.wire`). The row's columns from `first` on have these
    dotted names.

    A field whose class is not a `Shape` is refused here, at import: nothing is ever guessed.
    """
    positions = {name: position for position, name in enumerate(columns, first)}
    source = f"lambda rows, tools: [{_object(schema, positions, '')} for row in rows]"
    generated: type_of_serialiser = eval(source, dict(FUNCTIONS))  # noqa: S307 - made of a schema of ours alone, at import
    return generated


def _object(schema: Schema, positions: Mapping[str, int], prefix: str) -> str:
    parts = (f"{name!r}: {_value(field, positions, prefix + name)}" for name, field in schema.dump_fields.items())
    return f"{{{', '.join(parts)}}}"


def _value(field: fields.Field[Any], positions: Mapping[str, int], name: str) -> str:
    if isinstance(field, Shape):
        return _scalar(field, f"row[{positions[name]}]")
    if isinstance(field, Object | ObjectOrNull):
        made = _object(field.schema, positions, f"{name}.")
        if isinstance(field, Object):
            return made
        parts = (f"row[{positions[f'{name}.{part}']}] is None" for part in field.schema.dump_fields)
        return f"(None if {' and '.join(parts)} else {made})"
    raise PolicyError(f"{name} is a {type(field).__name__}, which has no generated form")


def _scalar(shape: Shape, value: str) -> str:
    if shape.expression == Shape.expression:
        return value
    expression = shape.expression.format(value=value)
    nullable = isinstance(shape, fields.Field) and shape.allow_none and not shape.speaks_of_null
    return f"(None if {value} is None else {expression})" if nullable else expression
