"""What a consent gives a tool that proves to hold a key: tokens bound to it, a code for it alone. HTTP only."""

from pathlib import Path

import pytest
import requests

from partners.postgres.database import Database
from partners.registry import clients
from tests.journeys.tracking import Tool, Visitor, add_tool, is_alive, refused, told
from tests.proofs import TOKEN_PATH, Prover

DATA = "/v1/webmaster/campaigns"
PAR = "/oauth/par"


@pytest.fixture
def prover(tool: Tool) -> Prover:
    return Prover(home=tool.url)


def proof(prover: Prover) -> str:
    return prover.proof("POST", TOKEN_PATH)


def reads(tool: Tool, prover: Prover, token: str) -> bool:
    answer = requests.get(tool.url + DATA, headers=prover.headers(token, DATA), timeout=10)
    return answer.status_code == 200


class TestCodes:
    def test_a_code_redeemed_with_a_proof_gives_a_bound_token(self, tool: Tool, anna: Visitor, prover: Prover) -> None:
        got = tool.redeem(anna.decide(tool)["code"], proof=proof(prover)).json()

        assert got["token_type"] == "DPoP"
        assert reads(tool, prover, got["access_token"])
        assert not reads(tool, Prover(home=tool.url), got["access_token"])
        assert not is_alive(tool, got["access_token"])

    def test_a_code_that_names_a_key_is_for_its_holder_alone(self, tool: Tool, anna: Visitor, prover: Prover) -> None:
        """RFC 9449 §10."""
        code = anna.decide(tool, dpop_jkt=prover.thumbprint)["code"]

        assert refused(tool.redeem(code))
        assert refused(tool.redeem(code, proof=proof(Prover(home=tool.url))))
        got = tool.redeem(code, proof=proof(prover))
        assert (got.status_code, got.json()["token_type"]) == (200, "DPoP")
        assert reads(tool, prover, got.json()["access_token"])
        # A thief of the code, without the key, ends nothing either.
        assert refused(tool.redeem(code, proof=proof(Prover(home=tool.url))))
        assert reads(tool, prover, got.json()["access_token"])

    @pytest.mark.parametrize("key", ["short", "=" * 43, "a" * 44])
    def test_what_is_no_thumbprint_is_refused(self, tool: Tool, anna: Visitor, key: str) -> None:
        answer = told(anna.get("/oauth/authorize", **tool.asks(dpop_jkt=key)))

        assert answer["error"] == "invalid_request"

    def test_a_pushed_request_names_the_key_by_a_proof_or_by_its_thumbprint(
        self, tool: Tool, anna: Visitor, prover: Prover
    ) -> None:
        """RFC 9449 §10.1."""
        named = {"dpop_jkt": prover.thumbprint}
        for asked, proved in ((named, None), ({}, prover), (named, prover)):
            sent = proved.proof("POST", PAR) if proved else None
            pushed = tool.post(PAR, tool.asks(**asked), proof=sent)
            assert pushed.status_code == 201, pushed.text
            code = code_of_pushed(tool, anna, pushed)

            assert refused(tool.redeem(code, proof=proof(Prover(home=tool.url))))
            assert tool.redeem(code, proof=proof(prover)).json()["token_type"] == "DPoP"

    def test_a_pushed_request_with_two_different_keys_is_refused(self, tool: Tool, prover: Prover) -> None:
        asked = tool.asks(dpop_jkt=Prover(home=tool.url).thumbprint)

        assert refused(tool.post(PAR, asked, proof=prover.proof("POST", PAR)), "invalid_dpop_proof")
        assert refused(tool.post(PAR, tool.asks(), proof=proof(prover)), "invalid_dpop_proof")

    def test_a_resource_may_be_named_at_every_step(self, tool: Tool, anna: Visitor) -> None:
        """RFC 8707."""
        code = anna.decide(tool, resource=[tool.url, f"{tool.url}/"])["code"]
        pushed = tool.post(PAR, tool.asks(resource=[tool.url, tool.url]))

        assert tool.redeem(code, resource=[tool.url, tool.url]).status_code == 200
        assert pushed.status_code == 201
        assert refused(tool.post(PAR, tool.asks(resource=[tool.url, "https://other.example"])), "invalid_target")
        elsewhere = told(anna.get("/oauth/authorize", **tool.asks(resource=[tool.url, "https://other.example"])))
        assert elsewhere["error"] == "invalid_target"
        assert refused(tool.redeem(code, resource="https://other.example"), "invalid_target")

    def test_nothing_of_a_proof_or_its_key_gets_into_the_servers_log(
        self, tool: Tool, anna: Visitor, prover: Prover, log_directory: Path
    ) -> None:
        token = tool.redeem(anna.decide(tool)["code"], proof=proof(prover)).json()["access_token"]
        requests_ = [prover.headers(token, DATA), prover.headers(token, "/elsewhere")]
        answers = [requests.get(tool.url + DATA, headers=headers, timeout=10) for headers in requests_]
        assert [answer.status_code for answer in answers] == [200, 401]

        written = (log_directory / "serve.log").read_text()
        assert "/oauth/token" in written
        for secret in (token, prover.thumbprint, prover.key.as_dict()["x"], *(each["DPoP"] for each in requests_)):
            assert secret not in written


class TestRefreshing:
    def test_a_family_that_was_bound_stays_so_and_its_key_may_change(
        self, tool: Tool, anna: Visitor, prover: Prover
    ) -> None:
        """RFC 9449 §5: the refresh tokens of confidential clients are bound to their credentials, not to the key."""
        first = tool.redeem(anna.decide(tool)["code"], proof=proof(prover)).json()

        assert refused(tool.refresh(first["refresh_token"]), "invalid_dpop_proof")
        other = Prover(home=tool.url)
        second = tool.refresh(first["refresh_token"], proof=proof(other)).json()
        assert second["token_type"] == "DPoP"
        assert reads(tool, other, second["access_token"])
        assert not reads(tool, prover, second["access_token"])

    def test_a_family_becomes_bound_with_its_first_proof(self, tool: Tool, anna: Visitor, prover: Prover) -> None:
        first = tool.redeem(anna.decide(tool)["code"]).json()
        second = tool.refresh(first["refresh_token"], proof=proof(prover)).json()

        assert (first["token_type"], second["token_type"]) == ("Bearer", "DPoP")
        assert refused(tool.refresh(second["refresh_token"]), "invalid_dpop_proof")

    def test_a_tool_that_is_to_be_bound_gets_nothing_else(
        self, stored: Database, tool: Tool, anna: Visitor, prover: Prover
    ) -> None:
        mine = add_tool(stored, tool.url)
        unbound = mine.redeem(anna.decide(mine)["code"]).json()
        with stored.write.begin() as connection:
            clients.bind_tokens(connection, mine.client, bound=True)

        assert not is_alive(mine, unbound["access_token"])
        assert refused(mine.refresh(unbound["refresh_token"]), "invalid_dpop_proof")
        assert refused(mine.redeem(anna.decide(mine)["code"]), "invalid_dpop_proof")
        got = mine.refresh(unbound["refresh_token"], proof=proof(prover)).json()
        assert reads(mine, prover, got["access_token"])


def code_of_pushed(tool: Tool, visitor: Visitor, pushed: requests.Response) -> str:
    """The code for a request that was pushed, once somebody allowed it."""
    asked = {"request_uri": pushed.json()["request_uri"]}
    usual = dict.fromkeys(tool.asks(), None) | {"client_id": tool.client}
    return visitor.decide(tool, **usual, **asked)["code"]
