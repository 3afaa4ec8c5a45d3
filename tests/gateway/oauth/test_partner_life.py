"""Partners are invited, active, suspended, closed; no token without the current terms, nor from elsewhere."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, func, select
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.settings import Settings
from partners.consents import families, refresh
from partners.people import accounts, sessions
from partners.postgres.database import Database
from partners.registry import RegistryError, allowances, campaigns, client_revocation, clients, partners, terms
from partners.registry.partners import Partner
from partners.registry.terms import Terms
from partners.tables.access import access_log
from partners.tables.consent import grant_family
from partners.vocabulary import PartnerKind, Scope, Status, Work
from tests.callers import Caller, access_token, add_caller, ask_token, basic, bearer
from tests.gateway.oauth.conftest import add_probes
from tests.gateway.oauth.records import records_of

REDIRECT = "https://tracker.example/back"


def test_an_invited_partner_has_no_token_before_it_accepts_and_is_activated(http: FlaskClient, db: Database) -> None:
    with db.write.begin() as connection:
        partners.add(connection, Partner("invited", PartnerKind.WEBMASTER, "Invited", status=Status.INVITED))
    caller = add_caller(db, partner="invited")

    invited = ask_token(http, caller)
    with db.write.begin() as connection:
        with pytest.raises(RegistryError, match="has not accepted the terms"):
            partners.activate(connection, "invited")
        terms.accept(connection, "invited", "1", at=datetime.now(UTC), now=datetime.now(UTC))
    accepted = ask_token(http, caller)
    with db.write.begin() as connection:
        assert partners.activate(connection, "invited").status is Status.ACTIVE

    assert [answer.status_code for answer in (invited, accepted, ask_token(http, caller))] == [401, 401, 200]
    assert records_of(db, invited)[0]["reason"] == "suspended"


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (Status.INVITED, {"suspend", "resume"}),
        (Status.ACTIVE, {"activate"}),
        (Status.SUSPENDED, {"activate"}),
        (Status.CLOSED, {"activate", "suspend", "resume", "close"}),
    ],
)
def test_only_some_steps_lead_on(module_db: Database, status: Status, refused: set[str]) -> None:
    for act in (partners.activate, partners.suspend, partners.resume, partners.close):
        with module_db.write.connect() as connection:
            now = datetime.now(UTC)
            partners.add(connection, Partner("p1", PartnerKind.WEBMASTER, "One", terms_accepted_at=now, status=status))
            try:
                act(connection, "p1")
            except RegistryError:
                assert act.__name__ in refused
            else:
                assert act.__name__ not in refused


def test_a_closed_partner_is_closed_for_good(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, partner="closing")
    token = access_token(http, caller)
    with db.write.begin() as connection:
        invitation = accounts.add(connection, "closing", "zoe", now=datetime.now(UTC)).token
        before = connection.scalar(select(func.count()).select_from(access_log))

        partners.close(connection, "closing")

    assert http.get("/probe/stats", headers=bearer(token)).status_code == 401
    refused = ask_token(http, caller)
    assert (refused.status_code, records_of(db, refused)[0]["reason"]) == (401, "suspended")
    with db.write.connect() as connection:
        assert clients.get(connection, caller.id).status is Status.CLOSED
        assert accounts.get(connection, "zoe").status is Status.CLOSED
        assert accounts.invited(connection, invitation, now=datetime.now(UTC)) is None
        assert partners.get(connection, "closing").status is Status.CLOSED
        assert (connection.scalar(select(func.count()).select_from(access_log)) or 0) >= (before or 0)
        with pytest.raises(RegistryError, match="never used again"):
            partners.add(connection, Partner("closing", PartnerKind.AUDITOR, "Again"))
        for changing in _changes(connection, caller):
            with pytest.raises(RegistryError, match="closed for good"):
                changing()


def test_no_session_of_a_browser_outlives_a_suspension_or_lost_terms(module_db: Database) -> None:
    now = datetime.now(UTC)
    with module_db.write.connect() as connection:
        held = partners.add(connection, Partner("p1", PartnerKind.WEBMASTER, "One", terms_accepted_at=now))
        somebody = accounts.add(connection, "p1", "yves", now=now).person
        suspended = sessions.begin(connection, somebody, now=now)
        before = sessions.find(connection, suspended, now=now)
        partners.suspend(connection, "p1")
        partners.resume(connection, "p1")
        assert (before, sessions.find(connection, suspended, now=now)) == (somebody, None)

        lapsed = sessions.begin(connection, somebody, now=now)
        partners.change(connection, replace(held, terms_accepted_at=None))
        partners.change(connection, held)
        assert sessions.find(connection, lapsed, now=now) is None


def test_closing_ends_what_the_partner_allowed_others(db: Database) -> None:
    webmaster, tool = add_caller(db, partner="allowed"), _tool(db, "tool-1")
    family, _ = _consent(db, webmaster, tool)

    with db.write.begin() as connection:
        partners.close(connection, "allowed")

    with db.write.connect() as connection:
        ended = select(grant_family.c.ended_by).where(grant_family.c.id == family)
        assert connection.scalar(ended) == "closure"


def test_a_leaked_secret_takes_what_the_tool_was_allowed_with_it(http: FlaskClient, db: Database) -> None:
    webmaster, tool = add_caller(db, partner="trusting"), _tool(db, "tool-4")
    _, token = _consent(db, webmaster, tool)
    with db.write.begin() as connection:
        made = clients.rotate_secret(connection, tool.id, overlap=timedelta(days=14), now=datetime.now(UTC))
        client_revocation.revoke(connection, tool.id, made.client.secrets[0].id)

    assert _refreshed(http, tool, token).get_json()["error"] == "invalid_grant"


def test_new_terms_bar_tokens_from_when_on_they_bind_until_they_are_accepted(
    db: Database, settings: Settings, database_url: str
) -> None:
    """R28."""
    caller, soon = add_caller(db, partner="termed"), datetime.now(UTC) + timedelta(days=7)
    with _gateway(replace(settings, terms=Terms("2", binding_from=soon)), database_url) as http:
        in_grace = ask_token(http, caller)
    with _gateway(replace(settings, terms=Terms("2")), database_url) as http:
        barred = ask_token(http, caller)
        _accept(db, "termed", "1")
        old_ones = ask_token(http, caller)
        _accept(db, "termed", "2")
        accepted = ask_token(http, caller)

    assert [answer.status_code for answer in (in_grace, barred, old_ones, accepted)] == [200, 401, 401, 200]
    assert barred.get_json()["error"] == "invalid_client"
    assert records_of(db, barred)[0]["reason"] == "insufficient_scope"


def test_a_tool_gets_no_token_for_a_webmaster_who_has_not_accepted_the_current_terms(
    db: Database, settings: Settings, database_url: str
) -> None:
    webmaster, tool = add_caller(db, partner="behind"), _tool(db, "tool-2")
    _, token = _consent(db, webmaster, tool)
    _accept(db, "tool-2", "2")
    with _gateway(replace(settings, terms=Terms("2")), database_url) as http:
        barred, told_barred = _refreshed(http, tool, token), _introspected(http, tool, token)
        _accept(db, "behind", "2")
        told, answered = _introspected(http, tool, token), _refreshed(http, tool, token)

    assert (told_barred, told["active"]) == ({"active": False}, True)
    assert (barred.status_code, barred.get_json()["error"]) == (400, "invalid_grant")
    assert answered.status_code == 200


def test_nobody_allows_a_tool_anything_under_outdated_terms_and_looking_ahead_uses_nothing_up(
    db: Database, settings: Settings, database_url: str
) -> None:
    webmaster, tool = add_caller(db, partner="outdated"), _tool(db, "tool-3")
    with db.write.begin() as connection:
        somebody = accounts.add(connection, webmaster.partner, "xenia", now=datetime.now(UTC)).person
        cookie = sessions.begin(connection, somebody, now=datetime.now(UTC))
    asks = {"response_type": "code", "redirect_uri": REDIRECT, "scope": "stats:read", "state": "s"}
    asks |= {"code_challenge": "a" * 43, "code_challenge_method": "S256"}
    header = basic(tool.id, tool.secret or "")
    with _gateway(replace(settings, terms=Terms("2")), database_url) as http:
        http.set_cookie("gateway", cookie)
        _accept(db, "tool-3", "2")
        pushed = http.post("/oauth/par", data=asks, headers=header).get_json()
        opening = {"client_id": tool.id, "request_uri": pushed["request_uri"]}
        ahead = http.head("/oauth/authorize", query_string=opening)
        shown = http.get("/oauth/authorize", query_string=opening, follow_redirects=True)
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text)) | {"decision": "allow"}
        outdated = http.post("/oauth/consent", data=fields)
        _accept(db, "outdated", "2")
        accepted = http.post("/oauth/consent", data=fields)

    assert (ahead.status_code, shown.status_code) == (200, 200)
    assert (outdated.status_code, "new terms" in outdated.text) == (403, True)
    assert (accepted.status_code, "code=" in accepted.headers["Location"]) == (303, True)


def test_terms_are_not_accepted_in_the_future_nor_under_an_odd_name(module_db: Database) -> None:
    now = datetime.now(UTC)
    with module_db.write.connect() as connection:
        partners.add(connection, Partner("p1", PartnerKind.WEBMASTER, "One"))
        for version, at in (("1", now + timedelta(seconds=1)), ("a b", now), ("", now), ("x" * 33, now)):
            with pytest.raises(RegistryError):
                terms.accept(connection, "p1", version, at=at, now=now)
        with pytest.raises(RegistryError, match="that bind are 2"):
            terms.accept(connection, "p1", "1", at=now, now=now, binding="2")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (1, ["192.0.2.7"], 200),
        (1, ["192.0.2.7, 198.51.100.9"], 401),
        (1, ["198.51.100.9, 192.0.2.7"], 200),
        (1, ["192.0.2.7", "198.51.100.9"], 401),
        (1, ['", 198.51.100.9'], 401),
        (1, ['"192.0.2.7, 198.51.100.9'], 401),
        (1, ["192.0.2.7, unknown"], 401),
        (1, ["192.0.2.7,"], 401),
        (1, [], 401),
        (2, ["192.0.2.7, 192.0.2.1"], 200),
        (2, ["192.0.2.7, 198.51.100.9, 192.0.2.1"], 401),
        (2, ['192.0.2.7, ", 198.51.100.9, 192.0.2.1'], 401),
        (2, ["192.0.2.7"], 401),
    ],
)
def test_a_forged_header_gets_nobody_into_a_network(
    db: Database, settings: Settings, database_url: str, *, proxies: int, forwarded: list[str], status: int
) -> None:
    """Check 59: proxies add what they saw at the end, anybody may send what is before; theirs is the network itself."""
    caller = add_caller(db, allowed_networks=("192.0.2.0/24",))
    header = [("X-Forwarded-For", each) for each in forwarded]
    others = [("Forwarded", "for=192.0.2.7"), ("X-Real-IP", "192.0.2.7"), ("X-Client-IP", "192.0.2.7")]
    with _gateway(settings, database_url) as at_home:
        at_home.environ_base["REMOTE_ADDR"] = "192.0.2.7"
        token = access_token(at_home, caller)
    with _gateway(replace(settings, proxies=proxies), database_url) as http:
        http.environ_base["REMOTE_ADDR"] = "192.0.2.1"
        headers = [*header, *others, *basic(caller.id, caller.secret or "").items()]
        asked = http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
        read = http.get("/probe/stats", headers=[*header, *others, *bearer(token).items()])

    assert (asked.status_code, read.status_code) == (status, status)
    if status == 401:
        assert asked.get_json()["error"] == "invalid_client"
        assert records_of(db, asked)[0]["reason"] == "invalid_token"


def _changes(connection: Connection, caller: Caller) -> Iterator[Callable[[], object]]:
    now, one = datetime.now(UTC), caller.partner
    yield lambda: partners.change(connection, partners.get(connection, one))
    yield lambda: clients.add(connection, clients.Wanted(one), now=now)
    yield lambda: clients.resume(connection, caller.id)
    yield lambda: clients.rotate_secret(connection, caller.id, overlap=timedelta(0), now=now)
    yield lambda: accounts.add(connection, one, "yan", now=now)
    yield lambda: accounts.invite(connection, "zoe", now=now)
    yield lambda: accounts.resume(connection, "zoe")
    yield lambda: campaigns.add(connection, campaigns.Campaign(one, "spring", "Spring"))
    yield lambda: allowances.give(connection, one, Work.STATS, "1/minute")
    yield lambda: terms.accept(connection, one, "1", at=now, now=now)


@contextmanager
def _gateway(settings: Settings, database_url: str) -> Iterator[FlaskClient]:
    application = create_app(settings, database_url)
    add_probes(application)
    yield application.test_client()
    application.extensions["runtime"].database.dispose()


def _tool(db: Database, name: str) -> Caller:
    return add_caller(db, PartnerKind.TRACKER, name, redirect_uris=(REDIRECT,))


def _consent(db: Database, webmaster: Caller, tool: Caller) -> tuple[str, str]:
    """What somebody of a webmaster allowed a tool: the family, and a refresh token of it."""
    with db.write.begin() as connection:
        now = datetime.now(UTC)
        somebody = accounts.add(connection, webmaster.partner, f"of-{webmaster.partner}", now=now).person
        family = families.begin(connection, somebody, client_id=tool.id, scopes=[Scope.STATS_READ], now=now)
        return family.id, refresh.issue(connection, family.id, None)


def _refreshed(http: FlaskClient, tool: Caller, token: str) -> TestResponse:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return http.post("/oauth/token", data=form, headers=basic(tool.id, tool.secret or ""))


def _introspected(http: FlaskClient, tool: Caller, token: str) -> dict[str, object]:
    answer = http.post("/oauth/introspect", data={"token": token}, headers=basic(tool.id, tool.secret or ""))
    return dict(answer.get_json())


def _accept(db: Database, partner: str, version: str) -> None:
    with db.write.begin() as connection:
        terms.accept(connection, partner, version, at=datetime.now(UTC), now=datetime.now(UTC))
