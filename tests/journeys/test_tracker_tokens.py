"""The life of what a tool is given: codes, access tokens and refresh tokens, from the consent to its end. HTTP only."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select, update

from partners.database import Database
from partners.registry import clients, partners
from partners.tables.access import access_log
from partners.tables.consent import authorization_code, grant_family, refresh_token
from tests.callers import add_caller
from tests.journeys.serving import Server
from tests.journeys.tracking import (
    Tool,
    Visitor,
    add_person,
    add_tool,
    challenge_of,
    fields_of,
    is_alive,
    refused,
    tokens,
)


class TestCodes:
    def test_a_code_runs_out_after_a_minute(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        """35."""
        code = anna.decide(tool)["code"]
        age_codes(stored, timedelta(seconds=61))

        assert refused(tool.redeem(code))

    def test_it_is_bound_to_client_redirect_uri_and_verifier(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        """36."""
        other = add_tool(stored, tool.url, "compass")
        other.verifier = tool.verifier
        code = anna.decide(tool)["code"]

        assert refused(other.redeem(code))
        assert refused(tool.redeem(code, redirect_uri="https://compass.example/back"))
        assert refused(tool.redeem(code, code_verifier="b" * 43))
        assert refused(tool.redeem(code, code_verifier=challenge_of(tool.verifier)))
        assert refused(tool.redeem(code, code_verifier=None), "invalid_request")
        assert refused(tool.redeem(code, redirect_uri=None), "invalid_request")
        assert refused(tool.redeem(None), "invalid_request")
        assert tool.post("/oauth/token", {"grant_type": "authorization_code"}, auth=("x", "y")).status_code == 401
        assert tool.redeem(code).status_code == 200

    def test_a_second_use_ends_the_whole_family(self, tool: Tool, anna: Visitor) -> None:
        """37."""
        code = anna.decide(tool)["code"]
        first = tool.redeem(code).json()
        assert is_alive(tool, first["access_token"])

        assert refused(tool.redeem(code))
        assert not is_alive(tool, first["access_token"])
        assert refused(tool.refresh(first["refresh_token"]))

    def test_a_replay_without_the_verifier_or_by_a_stranger_harms_nobody(
        self, tool: Tool, anna: Visitor, stored: Database
    ) -> None:
        """38."""
        other = add_tool(stored, tool.url, "compass")
        code = anna.decide(tool)["code"]
        first = tool.redeem(code).json()

        assert refused(tool.redeem(code, code_verifier="b" * 43))
        other.verifier = tool.verifier
        assert refused(other.redeem(code))
        assert Tool(tool.url, tool.client, "wrong", verifier=tool.verifier).redeem(code).status_code == 401

        assert is_alive(tool, first["access_token"])
        assert tool.refresh(first["refresh_token"]).status_code == 200

    def test_of_eight_that_redeem_at_once_one_wins(self, tool: Tool, anna: Visitor) -> None:
        """39."""
        for _ in range(3):
            code = anna.decide(tool)["code"]
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: tool.redeem(code), range(8)))  # noqa: B023 - awaited in the loop

            assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]

    def test_codes_and_tokens_are_kept_as_digests_and_never_logged(
        self, tool: Tool, anna: Visitor, stored: Database, log_directory: Path
    ) -> None:
        """40."""
        code = anna.decide(tool)["code"]
        got = tool.redeem(code).json()
        tool.read(got["access_token"])

        written = (log_directory / "serve.log").read_text()
        with stored.write.connect() as connection:
            kept = [
                str(connection.execute(select(func.json_agg(table.table_valued()))).scalar())
                for table in (authorization_code, refresh_token, access_log)
            ]
        for secret in (code, got["access_token"], got["refresh_token"], tool.verifier, tool.secret):
            assert secret not in written
            assert not any(secret in rows or b64encode(secret.encode()).decode() in rows for rows in kept)


class TestRefreshing:
    def test_each_use_brings_a_new_token(self, tool: Tool, anna: Visitor) -> None:
        """41."""
        first = tokens(tool, anna)

        second = tool.refresh(first["refresh_token"]).json()
        third = tool.refresh(second["refresh_token"]).json()

        assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
        assert is_alive(tool, third["access_token"])

    def test_a_lost_answer_is_asked_for_again_within_a_minute(self, tool: Tool, anna: Visitor) -> None:
        """42."""
        first = tokens(tool, anna)
        lost = tool.refresh(first["refresh_token"]).json()

        second = tool.refresh(first["refresh_token"])
        after = tool.refresh(second.json()["refresh_token"])

        assert (second.status_code, after.status_code) == (200, 200)
        assert refused(tool.refresh(lost["refresh_token"]))
        assert is_alive(tool, after.json()["access_token"])

    def test_not_after_a_minute(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        first = tokens(tool, anna)
        second = tool.refresh(first["refresh_token"]).json()
        age_refresh_tokens(stored, timedelta(seconds=61))

        assert refused(tool.refresh(first["refresh_token"]))
        assert not is_alive(tool, second["access_token"])

    def test_an_old_token_after_its_successor_was_used_ends_the_family(self, tool: Tool, anna: Visitor) -> None:
        """43."""
        first = tokens(tool, anna)
        second = tool.refresh(first["refresh_token"]).json()
        third = tool.refresh(second["refresh_token"]).json()

        assert refused(tool.refresh(first["refresh_token"]))
        assert not any(is_alive(tool, got["access_token"]) for got in (first, second, third))
        assert refused(tool.refresh(third["refresh_token"]))

    def test_a_superseded_token_after_a_minute_ends_the_family(
        self, tool: Tool, anna: Visitor, stored: Database
    ) -> None:
        """Two parties hold successors of one token: one of them has stolen it."""
        first = tokens(tool, anna)
        owners = tool.refresh(first["refresh_token"]).json()
        thiefs = tool.refresh(first["refresh_token"]).json()
        age_refresh_tokens(stored, timedelta(seconds=61))

        assert refused(tool.refresh(owners["refresh_token"]))
        assert not is_alive(tool, thiefs["access_token"])

    def test_another_client_is_refused_and_the_family_unharmed(
        self, tool: Tool, anna: Visitor, stored: Database
    ) -> None:
        """44, 46."""
        other = add_tool(stored, tool.url, "compass")
        first = tokens(tool, anna)

        assert refused(other.refresh(first["refresh_token"]))
        assert Tool(tool.url, tool.client, "wrong").refresh(first["refresh_token"]).status_code == 401
        assert (
            requests.post(
                tool.url + "/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"}, timeout=10
            ).status_code
            == 401
        )
        assert tool.refresh(first["refresh_token"]).status_code == 200

    def test_the_scope_never_grows_and_a_wrong_one_costs_nothing(self, tool: Tool, anna: Visitor) -> None:
        """45; a tracker has one scope, so there is nothing narrower."""
        first = tokens(tool, anna)

        assert refused(tool.refresh(first["refresh_token"], scope="stats:read members:read"), "invalid_scope")
        assert refused(tool.refresh(first["refresh_token"], scope="members:read"), "invalid_scope")
        again = tool.refresh(first["refresh_token"], scope="stats:read")

        assert again.json()["scope"] == "stats:read"

    def test_all_ends_at_the_time_that_was_set_at_the_consent(
        self, tool: Tool, anna: Visitor, stored: Database
    ) -> None:
        """47."""
        first = tokens(tool, anna)
        second = tool.refresh(first["refresh_token"]).json()
        with stored.write.begin() as connection:
            aged = grant_family.c.expires_at - timedelta(days=90)
            connection.execute(update(grant_family).values(expires_at=aged))

        assert refused(tool.refresh(second["refresh_token"]))
        assert not is_alive(tool, second["access_token"])

    def test_of_eight_that_refresh_at_once_one_token_is_left_that_works(self, tool: Tool, anna: Visitor) -> None:
        for _ in range(3):
            first = tokens(tool, anna)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: tool.refresh(first["refresh_token"]), range(8)))  # noqa: B023
            successors = [answer.json()["refresh_token"] for answer in answers if answer.status_code == 200]

            working = [token for token in successors if tool.refresh(token).status_code == 200]

            assert len(working) == 1


class TestEnding:
    def test_withdrawal_binds_the_next_request(self, tool: Tool, anna: Visitor) -> None:
        """47."""
        got = tokens(tool, anna)
        shown = anna.get("/account")
        assert "Compass" in shown.text

        done = anna.post("/account/withdraw", fields_of_first_grant(shown))

        assert done.headers["Location"] == "/account?withdrawn=1"
        assert not is_alive(tool, got["access_token"])
        assert refused(tool.refresh(got["refresh_token"]))

    def test_nobody_withdraws_what_another_webmaster_allowed(
        self, tool: Tool, anna: Visitor, server: Server, stored: Database
    ) -> None:
        add_caller(stored, partner="w-other")
        dora = add_person(stored, server.url, "w-other", "dora")
        got = tokens(tool, anna)
        form = fields_of_first_grant(anna.get("/account"))
        page = dora.get("/account")
        assert "Compass" not in page.text

        form_token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
        answer = dora.post("/account/withdraw", form | {"form_token": form_token})

        assert answer.status_code == 404
        assert is_alive(tool, got["access_token"])

    def test_revocation_by_the_tool(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        """49, 50."""
        other = add_tool(stored, tool.url, "compass")
        got = tokens(tool, anna)

        assert refused(other.post("/oauth/revoke", {"token": got["refresh_token"]}))
        assert tool.post("/oauth/introspect", {"token": got["refresh_token"]}).json()["active"] is True
        assert other.post("/oauth/introspect", {"token": got["refresh_token"]}).json() == {"active": False}
        assert tool.post("/oauth/introspect", {"token": got["access_token"]}).json()["sub"] == "w1"
        revoked = tool.post("/oauth/revoke", {"token": got["refresh_token"], "token_type_hint": "access_token"})

        assert revoked.status_code == 200
        assert not is_alive(tool, got["access_token"])
        for token in (got["refresh_token"], got["access_token"]):
            assert tool.post("/oauth/introspect", {"token": token}).json() == {"active": False}

    @pytest.mark.parametrize("who", ["client", "tracker", "webmaster", "terms"])
    def test_suspension_of_either_side_binds_at_once_and_for_good(
        self, server: Server, stored: Database, who: str
    ) -> None:
        add_caller(stored, partner=f"w-{who}")
        visitor = add_person(stored, server.url, f"w-{who}", f"eve-{who}")
        tool = add_tool(stored, server.url, f"t-{who}")
        got = tokens(tool, visitor)
        assert is_alive(tool, got["access_token"])

        with stored.write.begin() as connection:
            if who == "client":
                clients.suspend(connection, tool.client)
            elif who == "terms":
                webmaster = partners.get(connection, f"w-{who}")
                partners.change(connection, replace(webmaster, terms_accepted_at=None))
            else:
                partners.suspend(connection, f"t-{who}" if who == "tracker" else f"w-{who}")
        assert not is_alive(tool, got["access_token"])
        assert tool.refresh(got["refresh_token"]).status_code in {400, 401}

        with stored.write.begin() as connection:
            if who == "client":
                clients.resume(connection, tool.client)
            elif who != "terms":
                partners.resume(connection, f"t-{who}" if who == "tracker" else f"w-{who}")
        assert not is_alive(tool, got["access_token"])
        assert tool.refresh(got["refresh_token"]).status_code == 400

    def test_everything_is_on_record(self, tool: Tool, anna: Visitor, stored: Database) -> None:
        code = anna.decide(tool)["code"]
        got = tool.redeem(code).json()
        tool.refresh(got["refresh_token"])
        tool.redeem(code)
        anna.decide(tool, "deny")

        with stored.write.connect() as connection:
            columns = access_log.c["operation", "outcome", "partner", "client"]
            asked = select(*columns).where(access_log.c.operation.like("oauth.%"))
            rows = connection.execute(asked.order_by(access_log.c.at.desc()).limit(5)).all()

        assert [tuple(row) for row in reversed(rows)] == [
            ("oauth.consent", "released", "w1", tool.client),
            ("oauth.token", "released", "w1", tool.client),
            ("oauth.refresh", "released", "w1", tool.client),
            ("oauth.replay", "denied", "w1", tool.client),
            ("oauth.consent", "denied", "w1", tool.client),
        ]


def fields_of_first_grant(page: requests.Response) -> dict[str, str]:
    """The fields of the newest grant's form."""
    first = page.text.partition("<main")[2].partition("</section>")[0]
    grant = first.partition('name="grant" value="')[2].partition('"')[0]
    return fields_of(page) | {"grant": grant}


def age_codes(stored: Database, by: timedelta) -> None:
    with stored.write.begin() as connection:
        connection.execute(update(authorization_code).values(expires_at=authorization_code.c.expires_at - by))


def age_refresh_tokens(stored: Database, by: timedelta) -> None:
    columns = refresh_token.c["used_at", "superseded_at"]
    with stored.write.begin() as connection:
        connection.execute(update(refresh_token).values({column: column - by for column in columns}))
