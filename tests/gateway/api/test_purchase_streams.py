"""The whole purchase log as lines: the rows of all pages, figures with their sign, each chunk on record."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.http import streaming
from partners.postgres.database import Database
from partners.tables.access import access_log
from tests.factories import HAPPENED_AT
from tests.gateway.api.test_member_streams import CSV, NDJSON, rows_of
from tests.gateway.api.test_purchases import buy, log, reverse
from tests.gateway.api.test_webmaster import Webmaster, change, webmaster


@pytest.fixture
def w1(db: Database, http: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Webmaster:
    """A webmaster with four members, five purchases and a reversal, streamed two rows at a time."""
    monkeypatch.setattr(streaming, "CHUNK_ROWS", 2)
    caller = webmaster(db, http, "w1")
    for place in range(4):
        buy(db, caller.member(db, f"m{place}", sub1="-1"), f"p{place}", campaign=caller.campaign)
    buy(db, caller.member(db, "m4", campaign=None), "p4")
    reverse(db, "p1", HAPPENED_AT)
    return caller


def ask(w1: Webmaster, accept: str = NDJSON, **query: Any) -> TestResponse:
    return w1.http.get("/v1/webmaster/purchases", query_string=query, headers=w1.headers | {"Accept": accept})


def test_a_stream_has_the_rows_of_all_pages(db: Database, w1: Webmaster) -> None:
    for query in ({}, {"campaign": "spring"}, {"to": "2020-01-01"}):
        assert rows_of(ask(w1, **query)) == log(w1, limit=200, **query)["data"]

    with db.write.connect() as connection:
        counts = select(access_log.c.member_count).order_by(access_log.c.at, access_log.c.id)
        streamed = list(connection.execute(counts.where(access_log.c.purpose == "income")).scalars())[:3]
    assert sum(streamed) >= 5


def test_figures_keep_their_sign_and_texts_are_disarmed(w1: Webmaster) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(w1, CSV).get_data(as_text=True), newline="")))

    reversal = next(row for row in rows if row["type"] == "reversal")
    assert (reversal["amount"], reversal["credits"]) == ("-29.40", "-60")
    assert reversal["sub1"] == "'-1"
    assert len(rows) == 6


def test_who_opts_out_midway_is_not_in_the_next_chunk(db: Database, w1: Webmaster) -> None:
    body = ask(w1, CSV).iter_encoded()
    begun = [next(body), next(body)]

    change(db, 1, affiliate_sharing=False)

    assert b"user_m0" not in b"".join([*begun, *body])
    assert b"user_m4" in b"".join(begun)


def test_a_stream_goes_on_from_a_watermark(db: Database, w1: Webmaster) -> None:
    watermark = log(w1)["meta"]["watermark"]
    assert rows_of(ask(w1, since=watermark)) == []
    for place in range(5):
        buy(db, w1.member(db, f"n{place}"), f"later{place}", at=HAPPENED_AT - timedelta(days=place))

    assert rows_of(ask(w1, since=watermark)) == log(w1, since=watermark)["data"]
    assert [row["id"] for row in rows_of(ask(w1, since=watermark))] == [f"later{place}" for place in range(5)]
    assert ask(w1, since="AAAA").status_code == 422


@pytest.mark.parametrize("query", [{"limit": "2"}, {"cursor": "x"}])
def test_a_stream_has_no_pages(w1: Webmaster, query: dict[str, str]) -> None:
    answer = ask(w1, **query)

    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.get_json()["errors"]] == ["not_with_a_stream"]


def test_streams_count_as_exports(w1: Webmaster) -> None:
    assert ask(w1).headers["RateLimit-Policy"].startswith('"exports"')
    assert w1.get("/purchases").headers["RateLimit-Policy"].startswith('"members"')
    assert w1.get("/purchases").headers["Vary"] == "Accept"
