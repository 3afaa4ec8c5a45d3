"""Long lists as lines: NDJSON with an end line, or CSV with dotted columns in a fixed order (contract §9)."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from io import StringIO
from typing import Any

from marshmallow import Schema, fields

from serializers.policy.shapes import Amount, Instant, instant
from serializers.wire import json_line_of, json_of

Document = Mapping[str, Any]

FORMULA_STARTS = frozenset("=+-@＝＋－＠\t\r\n")  # noqa: RUF001 - fullwidth they are meant
"""What a spreadsheet may take a cell for a formula by (OWASP, CSV injection): by fullwidth signs in East Asian
locales; the last three it may skip before it looks."""


class Form(StrEnum):
    """The forms a whole list comes in."""

    NDJSON = "ndjson"
    CSV = "csv"


class Streamable(Schema):
    """The parameters of a list that comes whole as lines too; then nothing of it is paged."""


class Lines(ABC):
    """How a list is written, piece by piece."""

    content_type: str

    @abstractmethod
    def head(self) -> bytes:
        """What stands before the first row."""

    @abstractmethod
    def of(self, documents: Iterable[Document]) -> bytes:
        """The lines of some rows."""

    @abstractmethod
    def end(self, rows: int) -> bytes:
        """What stands after the last of so many rows."""


class NdjsonLines(Lines):
    """One JSON document a line; the last line tells that nothing is missing."""

    content_type = "application/x-ndjson"

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def of(self, documents: Iterable[Document]) -> bytes:
        """A line for each."""
        return b"".join(map(json_line_of, documents))

    def end(self, rows: int) -> bytes:
        """`{"end": true, "rows": n}`."""
        return json_line_of({"end": True, "rows": rows})


@dataclass(frozen=True)
class Column:
    """A column of a CSV: where in a row's document its value stands, and how it is written."""

    path: tuple[str, ...]
    written: Callable[[Any], str]

    @property
    def name(self) -> str:
        """The path with dots, such as `referral.sub1`."""
        return ".".join(self.path)

    def cell(self, document: Document) -> str:
        """The value as it stands in the CSV; null, and whatever lies in a null object, is empty."""
        value: Any = document
        for step in self.path:
            if value is None:
                return ""
            value = value[step]
        return "" if value is None else self.written(value)


class CsvLines(Lines):
    """RFC 4180 in UTF-8 with a header line; lists and maps are JSON, null is empty."""

    content_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, schema: type[Schema]) -> None:
        """Take the columns from the schema of the rows, in its order."""
        self.columns = tuple(_columns(schema(), ()))

    def head(self) -> bytes:
        """The names of the columns."""
        return csv_lines([[column.name for column in self.columns]])

    def of(self, documents: Iterable[Document]) -> bytes:
        """A line for each."""
        return csv_lines([column.cell(document) for column in self.columns] for document in documents)

    def end(self, rows: int) -> bytes:  # noqa: ARG002 - CSV has no place for it
        """Nothing."""
        return b""


def lines_of(form: Form, schema: type[Schema]) -> Lines:
    """How rows of a schema are written in a form."""
    return CsvLines(schema) if form is Form.CSV else NdjsonLines()


def csv_cell(value: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """A value in a CSV: null is empty, lists and maps are JSON, and no spreadsheet takes a text for a formula."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in FORMULA_STARTS else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant(value)
    return str(value) if isinstance(value, int | date) else json_of(value).decode()


def csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows of cells as RFC 4180 has them."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _columns(schema: Schema, path: tuple[str, ...]) -> Iterator[Column]:
    for name, field in schema.dump_fields.items():
        here = (*path, field.data_key or name)
        if isinstance(field, fields.Nested) and not field.many:
            yield from _columns(field.schema, here)
        else:
            yield Column(here, _written(field))


def _written(field: fields.Field[Any]) -> Callable[[Any], str]:
    if isinstance(field, Instant):
        return instant
    # A figure keeps its sign: money is a string only so that no decimal is lost.
    return str if isinstance(field, Amount | fields.Integer) else csv_cell
