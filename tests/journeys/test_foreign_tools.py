"""Clients that nobody here wrote get a webmaster's consent, read figures and refresh: code, PKCE, `iss`."""

import asyncio
from urllib.parse import urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from httpx_oauth.oauth2 import OAuth2
from joserfc.jwk import ECKey, OKPKey
from requests_oauth2client import ClientSecretBasic, OAuth2Client
from requests_oauth2client import PrivateKeyJwt as PrivateJwk
from requests_oauthlib import OAuth2Session as OauthlibSession

from partners.postgres.database import Database
from partners.vocabulary import AuthMethod, PartnerKind
from tests.callers import add_caller
from tests.journeys.tracking import REDIRECT, Tool, Visitor, challenge_of, fields_of, told


def consented(visitor: Visitor, address: str) -> str:
    """Where somebody who allows the tool is sent."""
    shown = visitor.follow(visitor.get(address))
    sent = visitor.post("/oauth/consent", fields_of(shown) | {"decision": "allow"})
    assert told(sent)["iss"] == visitor.url
    return sent.headers["Location"]


@pytest.mark.parametrize("signs", [False, True], ids=["secret", "key"])
def test_authlib(tool: Tool, anna: Visitor, stored: Database, signs: bool) -> None:
    client, secret, method = tool.client, tool.secret, "client_secret_basic"
    if signs:
        key = OKPKey.generate_key("Ed25519", {"kid": "key-1"})
        signing = {"auth_method": AuthMethod.PRIVATE_KEY_JWT, "key": key}
        client = add_caller(stored, PartnerKind.TRACKER, "compass", redirect_uris=(REDIRECT,), **signing).id
        secret, method = key, PrivateKeyJWT(tool.url, alg="Ed25519", headers={"kid": "key-1"})
    with AuthlibSession(
        client,
        secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    ) as session:
        address, _ = session.create_authorization_url(f"{tool.url}/oauth/authorize", code_verifier=tool.verifier)
        back = consented(anna, address)
        session.fetch_token(f"{tool.url}/oauth/token", authorization_response=back, code_verifier=tool.verifier)
        first = session.get(f"{tool.url}/v1/webmaster/campaigns").status_code
        session.refresh_token(f"{tool.url}/oauth/token")
        second = session.get(f"{tool.url}/v1/webmaster/campaigns").status_code
        session.revoke_token(f"{tool.url}/oauth/revoke", session.token["refresh_token"])
        third = session.get(f"{tool.url}/v1/webmaster/campaigns").status_code

    assert (first, second, third) == (200, 200, 401)


def test_requests_oauthlib(tool: Tool, anna: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    session = OauthlibSession(tool.client, redirect_uri=REDIRECT, scope=["stats:read"], pkce="S256")
    address, _ = session.authorization_url(f"{tool.url}/oauth/authorize")
    back = consented(anna, address)
    session.fetch_token(f"{tool.url}/oauth/token", authorization_response=back, auth=tool.basic)
    first = session.get(f"{tool.url}/v1/webmaster/campaigns").status_code
    session.refresh_token(f"{tool.url}/oauth/token", auth=tool.basic)
    second = session.get(f"{tool.url}/v1/webmaster/campaigns").status_code
    session.close()

    assert (first, second) == (200, 200)


def test_httpx_oauth(tool: Tool, anna: Visitor) -> None:
    endpoints = (f"{tool.url}/oauth/authorize", f"{tool.url}/oauth/token", f"{tool.url}/oauth/token")
    client = OAuth2(
        tool.client,
        tool.secret,
        *endpoints,
        f"{tool.url}/oauth/revoke",
        token_endpoint_auth_method="client_secret_basic",
        revocation_endpoint_auth_method="client_secret_basic",
    )

    async def journey() -> list[int]:
        challenge = challenge_of(tool.verifier)
        address = await client.get_authorization_url(
            REDIRECT, state="s", scope=["stats:read"], code_challenge=challenge, code_challenge_method="S256"
        )
        back = consented(anna, address)
        code = dict(pair.split("=") for pair in urlsplit(back).query.split("&"))["code"]
        first = await client.get_access_token(code, REDIRECT, tool.verifier)
        second = await client.refresh_token(first["refresh_token"])
        statuses = [tool.read(token["access_token"]).status_code for token in (first, second)]
        await client.revoke_token(second["refresh_token"], "refresh_token")
        return [*statuses, tool.read(second["access_token"]).status_code]

    assert asyncio.run(journey()) == [200, 200, 401]


def test_requests_oauth2client(tool: Tool, anna: Visitor, stored: Database) -> None:
    key = ECKey.generate_key("P-256", {"kid": "key-1"})
    caller = add_caller(stored, auth_method=AuthMethod.PRIVATE_KEY_JWT, key=key)
    proof = PrivateJwk(caller.id, key.as_dict(private=True), alg="ES256", aud=tool.url)
    url = f"{tool.url}/.well-known/oauth-authorization-server"
    signer = OAuth2Client.from_discovery_endpoint(url, auth=proof, testing=True)
    client = OAuth2Client.from_discovery_endpoint(
        url, auth=ClientSecretBasic(*tool.basic), redirect_uri=REDIRECT, issuer=tool.url, testing=True
    )

    own = signer.client_credentials(scope="stats:read")
    bound = signer.client_credentials(scope="stats:read", dpop=True)
    proved = requests.get(f"{tool.url}/v1/webmaster/campaigns", auth=bound, timeout=10).status_code
    told_active = signer.introspect_token(own)["active"]
    asked = client.authorization_request(scope="stats:read")
    pushed = client.pushed_authorization_request(asked)
    back = asked.validate_callback(consented(anna, str(pushed.uri)))
    first = client.authorization_code(back, validate=False)
    second = client.refresh_token(first)
    statuses = [tool.read(str(token.access_token)).status_code for token in (own, first, second)]
    for owner, token in ((signer, own), (client, second)):
        owner.revoke_access_token(token)

    assert (told_active, statuses) == (True, [200, 200, 200])
    assert (proved, tool.read(str(bound.access_token)).status_code) == (200, 401)
    assert [tool.read(str(token.access_token)).status_code for token in (own, second)] == [401, 401]
