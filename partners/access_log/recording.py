"""Statements that answer and record at once, and how their record's exact bytes are had where they are wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select

from partners.access_log.noting import Noted, noted_here
from partners.postgres.prepared import Lanes, PreparedText, Row, prepare_text


@dataclass(frozen=True)
class Recording:
    """A statement that is a transaction of its own; there is always a first row."""

    statement: Select[Any]
    leaf: ColumnElement[Any]
    """What the first row says last where the record is noted: its exact bytes."""

    @cached_property
    def text(self) -> PreparedText:
        """The statement as the server reads it, made once."""
        return prepare_text(self.statement)

    @cached_property
    def telling(self) -> PreparedText:
        """The same with `leaf` as its last column."""
        return prepare_text(self.statement.add_columns(self.leaf))

    def fetch(self, lanes: Lanes, values: Mapping[str, Any]) -> list[Row]:
        """Execute it, note the record where that is asked for, and return every row; raise `psycopg.Error`."""
        noted = noted_here()
        if noted is None:
            return self.text.fetch(lanes, values)
        rows = self.telling.fetch(lanes, values)
        noted.append(Noted(rows[0][-1]))
        return [row[:-1] for row in rows]
