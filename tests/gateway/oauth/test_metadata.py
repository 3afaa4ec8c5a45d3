"""What is published is true: every advertised endpoint answers, and no key gives away its private part."""

from dataclasses import replace

from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.application import create_app
from gateway.oauth import metadata
from gateway.settings import Settings
from partners.postgres.database import Database
from tests.callers import ISSUER, access_token, add_caller


def test_every_advertised_endpoint_answers(http: FlaskClient) -> None:
    answer = http.get("/.well-known/oauth-authorization-server")

    document = answer.get_json()
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert document["issuer"] == ISSUER
    for name, url in document.items():
        if name == "authorization_endpoint":
            assert http.get(url.removeprefix(ISSUER)).status_code == 400
        elif name.endswith("_endpoint"):
            assert http.post(url.removeprefix(ISSUER)).status_code in {400, 401}
    assert http.get(document["jwks_uri"].removeprefix(ISSUER)).status_code == 200


def test_nothing_is_advertised_that_does_not_exist(http: FlaskClient) -> None:
    document = http.get("/.well-known/oauth-authorization-server").get_json()

    assert set(document["grant_types_supported"]) == {
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "authorization_code",
        "refresh_token",
    }
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "private_key_jwt"]
    assert "RS256" not in document["token_endpoint_auth_signing_alg_values_supported"]
    assert set(document["dpop_signing_alg_values_supported"]) == {"ES256", "Ed25519", "EdDSA", "PS256"}


def test_the_metadata_is_valid_by_authlibs_judgement() -> None:
    for pushed_only in (False, True):
        document = metadata.authorization_server("https://gateway.example", pushed_only=pushed_only)
        AuthorizationServerMetadata(document).validate()


def test_the_challenge_leads_to_the_resource_and_from_there_to_its_server(http: FlaskClient) -> None:
    challenge = http.get("/probe/stats").headers["WWW-Authenticate"]
    url = challenge.partition('resource_metadata="')[2].partition('"')[0]

    document = http.get(url.removeprefix(ISSUER)).get_json()

    assert document["resource"] == ISSUER
    assert document["authorization_servers"] == [ISSUER]
    assert document["bearer_methods_supported"] == ["header"]
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "Ed25519", "EdDSA", "PS256"]
    assert document["dpop_bound_access_tokens_required"] is False
    assert document["tls_client_certificate_bound_access_tokens"] is False
    assert document["resource_name"] == "Member Data Gateway"


def test_an_issuer_with_a_path_has_its_metadata_where_rfc_8414_and_9728_look_for_them(
    settings: Settings, database_url: str
) -> None:
    """Between the host and the path; a proxy may take the path off the other addresses."""
    issuer = "https://gateway.example/data"
    application = create_app(replace(settings, issuer=issuer), database_url)
    http = application.test_client()

    challenge = http.get("/v1/webmaster/members").headers["WWW-Authenticate"]
    url = challenge.partition('resource_metadata="')[2].partition('"')[0]

    assert url == "https://gateway.example/.well-known/oauth-protected-resource/data"
    assert http.get(url.removeprefix("https://gateway.example")).get_json()["resource"] == issuer
    server = http.get("/.well-known/oauth-authorization-server/data").get_json()
    assert (server["issuer"], server["token_endpoint"]) == (issuer, f"{issuer}/oauth/token")
    assert http.get("/.well-known/oauth-protected-resource/other").status_code == 404
    application.extensions["runtime"].database.dispose()


def test_a_stranger_can_verify_a_token_with_the_published_keys(http: FlaskClient, db: Database) -> None:
    token = access_token(http, add_caller(db))

    answer = http.get("/oauth/jwks")

    keys = answer.get_json()
    verified = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"])
    assert verified.header["typ"] == "at+jwt"
    assert verified.claims["iss"] == ISSUER
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert len({key["kid"] for key in keys["keys"]}) == len(keys["keys"])
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys["keys"])
