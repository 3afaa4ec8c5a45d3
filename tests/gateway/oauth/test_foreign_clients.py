"""Authlib's own client, over a real socket, gets on with the gateway by either method."""

import threading
from collections.abc import Iterator

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask
from joserfc.jwk import OKPKey
from werkzeug.serving import make_server

from partners.postgres.database import Database
from partners.vocabulary import AuthMethod, PartnerKind
from tests.callers import EXCHANGE, ISSUER, JWT_TYPE, add_caller, session
from tests.factories import add_model


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """Where the gateway listens."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_by_secret_with_revocation_and_introspection(address: str, db: Database) -> None:
    caller = add_caller(db)
    with OAuth2Session(caller.id, caller.secret, token_endpoint_auth_method="client_secret_basic") as client:
        token = client.fetch_token(f"{address}/oauth/token", grant_type="client_credentials", scope="stats:read")
        allowed = client.get(f"{address}/probe/stats").status_code
        told = client.introspect_token(f"{address}/oauth/introspect", token["access_token"]).json()
        revoked = client.revoke_token(f"{address}/oauth/revoke", token["access_token"]).status_code
        refused = client.get(f"{address}/probe/stats").status_code

    assert (allowed, told["active"], revoked, refused) == (200, True, 200, 401)


def test_by_key_naming_the_issuer_as_audience(address: str, db: Database) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": "key-1"})
    caller = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT, key=key)
    proof = PrivateKeyJWT(ISSUER, alg="Ed25519", headers={"kid": "key-1"})
    with OAuth2Session(caller.id, key, token_endpoint_auth_method=proof) as client:
        client.fetch_token(f"{address}/oauth/token", grant_type="client_credentials")

        assert client.get(f"{address}/probe/members").json()["client"] == caller.id


def test_token_exchange(address: str, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER)
    with db.write.begin() as connection:
        add_model(connection, "mdl-1")
    proof = PrivateKeyJWT(ISSUER, alg="ES256", headers={"kid": "key-1"})
    with OAuth2Session(center.id, center.key, token_endpoint_auth_method=proof) as client:
        client.fetch_token(
            f"{address}/oauth/token",
            grant_type=EXCHANGE,
            subject_token=session(center, "mdl-1"),
            subject_token_type=JWT_TYPE,
        )

        assert client.get(f"{address}/probe/cards").json()["model"] == "mdl-1"
