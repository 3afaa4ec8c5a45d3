"""The life of what a tool is given: codes, access tokens and refresh tokens, from the consent to its end. HTTP only."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from partners.postgres.database import Database
from partners.registry import clients, partners
from partners.tables.access import access_log
from partners.tables.consent import refresh_token
from tests.callers import add_caller
from tests.factories import dump
from tests.journeys.serving import Server
from tests.journeys.tracking import (
    Tool,
    Visitor,
    add_person,
    add_tool,
    fields_of_first_grant,
    is_alive,
    refused,
    tokens,
)


class TestCodes:
    def test_codes_and_tokens_are_kept_as_digests_and_never_logged(
        self, tool: Tool, anna: Visitor, stored: Database, log_directory: Path
    ) -> None:
        """40."""
        code = anna.decide(tool)["code"]
        got = tool.redeem(code).json()
        tool.read(got["access_token"])

        written = (log_directory / "serve.log").read_text()
        with stored.write.connect() as connection:
            kept = dump(connection)
        assert "/oauth/token" in written
        for secret in (code, got["access_token"], got["refresh_token"], tool.verifier, tool.secret):
            assert secret not in written
            assert secret not in kept
            assert b64encode(secret.encode()).decode() not in kept


class TestRefreshing:
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


class TestEnding:
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

    @pytest.mark.parametrize("who", ["client", "terms"])
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
            else:
                webmaster = partners.get(connection, f"w-{who}")
                partners.change(connection, replace(webmaster, terms_accepted_at=None))
        assert not is_alive(tool, got["access_token"])
        assert tool.refresh(got["refresh_token"]).status_code in {400, 401}

        if who == "client":
            with stored.write.begin() as connection:
                clients.resume(connection, tool.client)
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


def age_refresh_tokens(stored: Database, by: timedelta) -> None:
    columns = refresh_token.c["used_at", "superseded_at"]
    with stored.write.begin() as connection:
        connection.execute(update(refresh_token).values({column: column - by for column in columns}))
