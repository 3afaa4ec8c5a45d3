"""From a schema to a serialiser: one generated list comprehension, proved equal to `Schema.dump` by the tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema, fields

from serializers.policy.conditions import PolicyError
from serializers.policy.shapes import FUNCTIONS, Object, ObjectOrNull, Shape, Tools

type_of_serialiser = Callable[[Sequence[Sequence[Any]], Tools], list[dict[str, Any]]]


def compile_serialiser(schema: Schema, positions: Mapping[str, int]) -> type_of_serialiser:
    """Generate the function that turns rows into what `schema.dump` would say, but for dates and instants.

    Those stay what they are until JSON is written (`serializers.wire`). `positions` say where a row has which column,
    by its dotted name.

    A field whose class is not a `Shape` is refused here, at import: nothing is ever guessed.
    """
    writing = _Writing(positions)
    made = writing.object(schema, "")
    names = ", ".join(["row", *writing.together])
    sources = ", ".join(["rows", *writing.together.values()])
    walk = f"for {names} in zip({sources})" if writing.together else "for row in rows"
    generated: type_of_serialiser = eval(f"lambda rows, tools: [{made} {walk}]", dict(FUNCTIONS))  # noqa: S307 - made of a schema of ours alone, at import
    return generated


@dataclass(frozen=True)
class _Writing:
    """Writes the expression of a row."""

    positions: Mapping[str, int]
    together: dict[str, str] = field(default_factory=dict)
    """What is told of all rows at once: the name that each row's part has, and the expression of the whole."""

    def object(self, schema: Schema, prefix: str) -> str:
        parts = (f"{name!r}: {self._value(shape, prefix + name)}" for name, shape in schema.dump_fields.items())
        return f"{{{', '.join(parts)}}}"

    def _value(self, shape: fields.Field[Any], name: str) -> str:
        if isinstance(shape, Shape):
            return self._scalar(shape, self.positions[name])
        if isinstance(shape, Object | ObjectOrNull):
            made = self.object(shape.schema, f"{name}.")
            if isinstance(shape, Object):
                return made
            parts = (f"row[{self.positions[f'{name}.{part}']}] is None" for part in shape.schema.dump_fields)
            return f"(None if {' and '.join(parts)} else {made})"
        raise PolicyError(f"{name} is a {type(shape).__name__}, which has no generated form")

    def _scalar(self, shape: Shape, position: int) -> str:
        value = f"row[{position}]"
        if shape.column_expression:
            self.together[f"of_{position}"] = shape.column_expression.format(values=f"[{value} for row in rows]")
            return f"of_{position}"
        if shape.expression == Shape.expression:
            return value
        expression = shape.expression.format(value=value)
        nullable = isinstance(shape, fields.Field) and shape.allow_none and not shape.speaks_of_null
        return f"(None if {value} is None else {expression})" if nullable else expression
