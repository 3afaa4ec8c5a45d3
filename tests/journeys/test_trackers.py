"""How a third-party tool asks a webmaster for consent, and what it may do with it: HTTP only."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import select, update

from partners.postgres.database import Database
from partners.registry import partners
from partners.tables.access import access_log
from partners.tables.consent import pushed_request
from tests.callers import add_caller
from tests.factories import add_campaign, add_traffic, count_events
from tests.journeys.oauth_checks.target import at_once
from tests.journeys.serving import Server
from tests.journeys.tracking import (
    Tool,
    Visitor,
    add_person,
    add_tool,
    fields_of,
    refused,
    tokens,
    told,
)


class TestConsent:
    def test_a_tool_reads_a_webmasters_sums_and_no_member(self, tool: Tool, anna: Visitor) -> None:
        got = tokens(tool, anna)

        campaigns = tool.read(got["access_token"])
        days = {"from": "2026-10-01", "to": "2026-10-02"}

        assert {"code": "spring", "name": "Spring"} in campaigns.json()["data"]
        assert tool.read(got["access_token"], "/v1/webmaster/stats", **days).status_code == 200
        assert tool.read(got["access_token"], "/v1/webmaster/statements").status_code == 200
        for path in ("/v1/webmaster/members", "/v1/webmaster/purchases", "/v1/audit/accesses", "/v1/model/members"):
            assert tool.read(got["access_token"], path).status_code == 403, path
        by_sub = tool.read(got["access_token"], "/v1/webmaster/stats", **days, group_by="sub1")
        assert by_sub.status_code == 403
        assert got["token_type"] == "Bearer"
        assert got["scope"] == "stats:read"
        assert 0 < int(got["expires_in"]) <= 600

    def test_the_record_names_whose_data_and_which_client(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        got = tokens(tool, anna)
        answer = tool.read(got["access_token"])

        with stored.write.connect() as connection:
            columns = access_log.c["audience", "partner", "client", "operation", "outcome"]
            asked = select(*columns).where(access_log.c.request_id == answer.headers["X-Request-Id"])
            row = connection.execute(asked).one()

        assert tuple(row) == ("tracker", "w1", tool.client, "campaigns.list", "released")

    def test_each_webmasters_figures_and_cursors_are_their_own(
        self, tool: Tool, anna: Visitor, server: Server, stored: Database
    ) -> None:
        add_caller(stored, partner="w-two")
        zoe = add_person(stored, server.url, "w-two", "zoe")
        with stored.write.begin() as connection:
            for partner, clicks in (("w1", 3), ("w-two", 50)):
                campaign = add_campaign(connection, partners.get(connection, partner).number, f"of-{partner}")
                for day in (1, 2):
                    add_traffic(connection, campaign, datetime(2026, 10, day, tzinfo=UTC), clicks=clicks * day)
            count_events(connection)
        hers, others = (tokens(tool, visitor)["access_token"] for visitor in (anna, zoe))
        asked = {"from": "2026-10-01", "to": "2026-10-02", "limit": "1"}

        pages = [tool.read(token, "/v1/webmaster/stats", **asked).json() for token in (hers, others)]
        cursor = pages[0]["page"]["next_cursor"]

        assert [page["data"][0]["clicks"] for page in pages] == [3, 50]
        assert tool.read(hers, "/v1/webmaster/stats", **asked, cursor=cursor).json()["data"][0]["clicks"] == 6
        assert tool.read(others, "/v1/webmaster/stats", **asked, cursor=cursor).status_code == 422

    def test_the_page_says_who_asks_and_where_it_leads(self, tool: Tool, anna: Visitor) -> None:
        shown = anna.follow(anna.get("/oauth/authorize", **tool.asks()))

        assert "Allow <em>Compass</em> to see figures of W1?" in shown.text
        assert "compass.example" in shown.text
        policy = shown.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert policy.endswith("form-action 'self' https://compass.example")
        assert shown.headers["Referrer-Policy"] == "no-referrer"
        assert shown.headers["Cache-Control"] == "no-store"

    def test_whoever_is_not_signed_in_signs_in_first_and_then_decides(
        self, tool: Tool, server: Server, stored: Database
    ) -> None:
        add_caller(stored)
        other = Visitor(server.url, name="ben", factor=add_person(stored, server.url, "w1", "ben").factor)
        asked = other.follow(other.get("/oauth/authorize", **tool.asks()))
        assert "<h1>Sign in</h1>" in asked.text

        consent = other.follow(other.sign_in(**fields_of(asked)))
        sent = other.post("/oauth/consent", fields_of(consent) | {"decision": "allow"})

        assert tool.redeem(told(sent)["code"]).status_code == 200

    def test_a_consent_cannot_be_forged_by_another_site(self, tool: Tool, anna: Visitor) -> None:
        shown = anna.follow(anna.get("/oauth/authorize", **tool.asks()))
        form = fields_of(shown) | {"decision": "allow"}

        for forged in ({"form_token": ""}, {"form_token": "0" * 64}, {"request": form["request"][:-2] + "AA"}):
            assert anna.post("/oauth/consent", form | forged).status_code == 400
        stranger = Visitor(anna.url)
        assert stranger.post("/oauth/consent", form).headers["Location"].startswith("/account/sign-in")

    def test_a_ticket_of_one_browser_is_nothing_in_another(
        self, tool: Tool, anna: Visitor, server: Server, stored: Database
    ) -> None:
        carl = add_person(stored, server.url, "w1", "carl")
        ticket = fields_of(anna.follow(anna.get("/oauth/authorize", **tool.asks())))["request"]

        assert carl.get("/oauth/consent", request=ticket).status_code == 400


class TestAuthorizationRequest:
    @pytest.mark.parametrize("client", [None, "", "cl_unknown", '"\\é', "x" * 3_000])
    def test_an_unknown_client_is_a_page(self, tool: Tool, anna: Visitor, client: str | None) -> None:
        assert anna.get("/oauth/authorize", **tool.asks(client_id=client)).status_code == 400

    def test_a_loopback_address_takes_any_port_only_where_none_was_registered(
        self, anna: Visitor, stored: Database, tool: Tool
    ) -> None:
        """RFC 8252."""
        open_port = add_tool(stored, tool.url, "compass", "http://127.0.0.1/back")
        own_port = add_tool(stored, tool.url, "compass", "http://127.0.0.1:4000/back")
        wanted = "http://127.0.0.1:51004/back"

        assert anna.get("/oauth/authorize", **open_port.asks(redirect_uri=wanted)).status_code == 303
        assert anna.get("/oauth/authorize", **own_port.asks(redirect_uri=wanted)).status_code == 400


class TestPushedRequests:
    def test_a_pushed_request_works_once_and_for_its_client(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        other = add_tool(stored, tool.url, "compass")
        answer = tool.post("/oauth/par", tool.asks())
        uri = answer.json()["request_uri"]

        assert answer.status_code == 201
        assert answer.json()["expires_in"] < 600
        assert anna.get("/oauth/authorize", client_id=other.client, request_uri=uri).status_code == 400
        sent = anna.follow(anna.get("/oauth/authorize", client_id=tool.client, request_uri=uri))
        again = anna.get("/oauth/authorize", client_id=tool.client, request_uri=uri)
        decided = told(anna.post("/oauth/consent", fields_of(sent) | {"decision": "allow"}))

        assert again.status_code == 400
        assert decided["state"] == "a state & more=1"
        assert tool.redeem(decided["code"]).status_code == 200

    def test_of_eight_that_open_it_at_once_one_is_asked(self, tool: Tool) -> None:
        uri = tool.post("/oauth/par", tool.asks()).json()["request_uri"]
        address = f"{tool.url}/oauth/authorize"
        asked = {"client_id": tool.client, "request_uri": uri}

        statuses = at_once(lambda: requests.get(address, asked, allow_redirects=False, timeout=10))

        assert statuses == [303, *[400] * 7]

    def test_what_stands_beside_a_pushed_request_does_not_count(self, tool: Tool, anna: Visitor) -> None:
        uri = tool.post("/oauth/par", tool.asks()).json()["request_uri"]
        address = tool.asks(redirect_uri="https://evil.example", state="forged", request_uri=uri)

        shown = anna.follow(anna.get("/oauth/authorize", **address))

        sent = anna.post("/oauth/consent", fields_of(shown) | {"decision": "deny"})
        assert sent.headers["Location"].startswith(tool.redirect_uri)
        assert told(sent)["state"] == "a state & more=1"

    @pytest.mark.parametrize(
        ("other", "error"),
        [
            ({"redirect_uri": "https://evil.example"}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"scope": "members:read"}, "invalid_scope"),
            ({"request_uri": "urn:x"}, "request_not_supported"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": ""}, "invalid_request"),
        ],
    )
    def test_it_is_checked_whole(self, tool: Tool, other: dict[str, str], error: str) -> None:
        assert refused(tool.post("/oauth/par", tool.asks(**other)), error)

    def test_it_needs_the_client_and_a_trackers(self, tool: Tool, stored: Database) -> None:
        webmaster = add_caller(stored)

        assert tool.post("/oauth/par", tool.asks(), auth=(tool.client, "wrong")).status_code == 401
        own = tool.asks(client_id=webmaster.id)
        assert refused(tool.post("/oauth/par", own, auth=(webmaster.id, webmaster.secret or "")), "invalid_request")

    def test_it_runs_out(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        uri = tool.post("/oauth/par", tool.asks()).json()["request_uri"]
        with stored.write.begin() as connection:
            aged = pushed_request.c.expires_at - timedelta(seconds=91)
            connection.execute(update(pushed_request).values(expires_at=aged))

        assert anna.get("/oauth/authorize", client_id=tool.client, request_uri=uri).status_code == 400
