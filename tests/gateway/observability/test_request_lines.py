"""What is logged: one line a request, and of what libraries say only where they said it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from gateway.observability import log_lines
from partners.postgres.database import Database
from tests.callers import access_token, add_caller, bearer

CANARY = "canary-7f3a"


@pytest.fixture
def configured() -> Iterator[None]:
    """The server's own way of logging, for one test."""
    before = logging.getLogger().handlers[:]
    log_lines.configure()
    yield
    logging.getLogger().handlers[:] = before


def test_a_request_is_logged_with_its_client_and_without_its_path(db: Database, http: FlaskClient) -> None:
    caller = add_caller(db)
    token = access_token(http, caller)

    with capture_logs() as lines:
        answer = http.get(f"/v1/webmaster/members/{CANARY}?q={CANARY}", headers=bearer(token))
        answer.close()

    (line,) = [line for line in lines if line["event"] == "request"]
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/v1/webmaster/members/<ref>",
        "status": 422,
        "request_id": answer.headers["X-Request-Id"],
        "client": caller.id,
    }


def test_a_path_that_leads_nowhere_has_no_route_and_an_odd_method_no_name(http: FlaskClient) -> None:
    with capture_logs() as lines:
        http.open(f"/{CANARY}", method=CANARY.upper()).close()

    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("OTHER", None, 404)
    assert CANARY not in str(lines)


@pytest.mark.usefixtures("configured")
def test_the_words_of_libraries_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("some.library").error("cannot read %s", CANARY, exc_info=ValueError(CANARY))

    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["library"], line["severity"]) == ("library_message", "some.library", "error")
    assert line["error"] == "ValueError"
    assert line["at"].startswith("test_request_lines.py:")
    assert CANARY not in json.dumps(line)


@pytest.mark.usefixtures("configured")
def test_lines_go_to_the_standard_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().warning("odd", number=7)

    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["number"] == 7
