"""Streams through a real server: what is cut off looks cut off to any client of HTTP/1.1."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from gateway.http import streaming
from partners.postgres.database import Database
from partners.tables.access import access_log
from tests.gateway.api.test_member_streams import add_many
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.journeys.serving import Server, served

pytestmark = pytest.mark.slow

MORE_THAN_SOCKETS_HOLD = 20_000


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    caller = webmaster(db, http, "w1")
    add_many(db, caller, MORE_THAN_SOCKETS_HOLD)
    return caller


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    with served(database_url, tmp_path, workers=1) as running:
        yield running


@contextmanager
def begun(server: Server, w1: Webmaster) -> Iterator[http.client.HTTPResponse]:
    """Ask for the stream over a connection that takes little at a time, read the first line, and leave at the end."""
    address = urlsplit(server.url)
    with socket.socket() as little, closing(http.client.HTTPConnection(address.netloc)) as connection:
        little.settimeout(30)
        little.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        little.connect((address.hostname, address.port))
        connection.sock = little
        connection.request("GET", "/v1/webmaster/members", headers=w1.headers | {"Accept": "application/x-ndjson"})
        with connection.getresponse() as answer:
            assert answer.status == 200
            assert answer.headers["Transfer-Encoding"] == "chunked"
            assert answer.readline().startswith(b'{"ref":')
            yield answer


def outcomes(db: Database, last: str) -> list[str]:
    """What is on record of the stream, once its last record is there."""
    of_the_list = select(access_log.c.outcome).where(access_log.c.operation == "members.list")
    for _ in range(100):
        with db.write.connect() as connection:
            found = list(connection.execute(of_the_list.order_by(access_log.c.at)).scalars())
        if last in found:
            return found
        time.sleep(0.1)
    return found


def test_a_caller_suspended_midway_sees_that_the_stream_is_cut(db: Database, w1: Webmaster, server: Server) -> None:
    with begun(server, w1) as answer:
        with db.write.begin() as connection:
            connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'w1'"))

        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()

    assert b'"end"' not in cut.value.partial
    assert outcomes(db, "error")[-2:] == ["denied", "error"]


def test_a_caller_who_leaves_midway_is_on_record(db: Database, w1: Webmaster, server: Server) -> None:
    with begun(server, w1):
        pass

    found = outcomes(db, "error")
    assert found[-1] == "error"
    assert len(found) < MORE_THAN_SOCKETS_HOLD // streaming.CHUNK_ROWS


def test_a_whole_stream_ends_with_its_count(w1: Webmaster, server: Server) -> None:
    with begun(server, w1) as answer:
        rows = answer.read().splitlines()

    assert len(rows) == MORE_THAN_SOCKETS_HOLD
    assert rows[-1] == b'{"end":true,"rows":%d}' % MORE_THAN_SOCKETS_HOLD
