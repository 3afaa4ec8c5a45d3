"""The floors: bare WSGI functions with hand-written psycopg; no token, policy or limits, and only one has a record."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import uuid4

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from benchmarks import floor_statements
from benchmarks.filling import MODEL, WEBMASTER
from gateway.http.streaming import CHUNK_ROWS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Rows = list[dict[str, Any]]
Answer = list[bytes] | Iterator[bytes]
_THE_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class Floor:
    """Answers the paths of the gateway that are measured, and nothing else."""

    def __init__(self, *, records: bool) -> None:
        """Take whether each statement writes a record too."""

        def said(plain: str, *, members: bool) -> str:
            return floor_statements.recorded(plain, members=members) if records else plain

        self._card = said(floor_statements.CARD, members=True)
        self._members = said(floor_statements.MEMBERS, members=True)
        self._statistics = said(floor_statements.STATISTICS, members=False)
        self._records = records
        self._held = local()
        self._routes: dict[str, Callable[[WSGIEnvironment], Answer]] = {
            "/v1/webmaster/members": self._list,
            "/v1/webmaster/stats": self._count,
        }
        set_json_loads(orjson.loads)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Answer:
        """Answer; every request is taken to be a good one."""
        answer = self._routes.get(environ["PATH_INFO"], self._show)(environ)
        headers = [("Content-Type", "application/json")]
        if isinstance(answer, list):
            headers.append(("Content-Length", str(len(answer[0]))))
        start_response("200 OK", headers)
        return answer

    def _show(self, environ: "WSGIEnvironment") -> Answer:
        username = environ["PATH_INFO"].rpartition("/")[2]
        (row,) = self._ask(self._card, model=MODEL, username=username)
        return [orjson.dumps({"data": row})]

    def _list(self, environ: "WSGIEnvironment") -> Answer:
        (country,) = parse_qs(environ["QUERY_STRING"]).get("country", [None])
        if "HTTP_ACCEPT" in environ:
            return self._export(country)
        return [orjson.dumps({"data": self._page(100, _THE_END_OF_TIME, 0, country)})]

    def _count(self, environ: "WSGIEnvironment") -> Answer:
        asked = parse_qs(environ["QUERY_STRING"])
        rows = self._ask(self._statistics, webmaster=WEBMASTER, first=asked["from"][0], last=asked["to"][0])
        return [orjson.dumps({"data": rows})]

    def _export(self, country: str | None) -> Iterator[bytes]:
        rows = self._page(CHUNK_ROWS, _THE_END_OF_TIME, 0, country)
        while rows:
            yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
            rows = self._page(CHUNK_ROWS, rows[-1]["registered_at"], rows[-1]["member"], country)

    def _page(self, limit: int, at: datetime, number: int, country: str | None) -> Rows:
        return self._ask(self._members, webmaster=WEBMASTER, limit=limit, at=at, number=number, country=country)

    def _ask(self, statement: str, **parameters: object) -> Rows:
        if self._records:
            identifier = uuid4()
            parameters |= {"now": datetime.now(UTC), "id": identifier, "request": identifier.hex}
        if not hasattr(self._held, "connection"):
            self._held.connection = psycopg.connect(os.environ["FLOOR_URL"], autocommit=True, row_factory=dict_row)
        rows: Rows = self._held.connection.execute(statement.encode(), parameters).fetchall()
        return rows


plain = Floor(records=False)
recorded = Floor(records=True)
