"""Checks 54 to 62: what the API takes for a token, and what each token opens."""

import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, OctKey

from tests.callers import EXCHANGE, JWT_TYPE, SESSIONS, sign
from tests.feeding import event, registered
from tests.journeys.oauth_checks.conftest import Apart
from tests.journeys.oauth_checks.target import TIMEOUT_S, Answer, Client, Feature, Target, unauthenticated
from tests.journeys.tracking import from_address

CAMPAIGNS = "/v1/webmaster/campaigns"


@pytest.fixture(autouse=True)
def _needs_an_api(target: Target) -> None:
    target.needs(Feature.API)


def has_error(answer: Answer, error: str, status: int) -> bool:
    return answer.status_code == status and f'error="{error}"' in answer.headers["WWW-Authenticate"]


def acting_for(target: Target, center: Client, model: str) -> str:
    """A model's token."""
    now = int(time.time())
    claims = {"iss": SESSIONS, "sub": model, "aud": target.issuer, "iat": now, "exp": now + 600}
    session = sign(center.session_key, {"kid": "sessions-1"}, claims)
    answer = target.grant(center, grant_type=EXCHANGE, subject_token=session, subject_token_type=JWT_TYPE)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def feed(target: Target, *events: dict[str, Any]) -> None:
    """Have the platform tell what happened."""
    answer = requests.post(
        f"{target.url}/v1/platform/events",
        "\n".join(json.dumps(told) for told in events),
        headers={
            "Authorization": f"Bearer {target.token(target.operator.platform())}",
            "Content-Type": "application/x-ndjson",
        },
        timeout=TIMEOUT_S,
    )
    assert answer.json()["rejected"] == 0, answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_check_54_the_scheme_is_taken_in_any_case(target: Target, reader: Client, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {target.token(reader)}"}

    assert requests.get(target.url + CAMPAIGNS, headers=header, timeout=TIMEOUT_S).status_code == 200


def test_check_54_a_token_in_the_address_or_a_form_is_none(target: Target, reader: Client) -> None:
    carried = {"access_token": target.token(reader)}

    for answer in (
        requests.get(target.url + CAMPAIGNS, params=carried, timeout=TIMEOUT_S),
        requests.get(target.url + CAMPAIGNS, data=carried, timeout=TIMEOUT_S),
    ):
        assert answer.status_code == 401
        assert "error=" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"kid": "unknown"}, {}),
        ({"kid": None}, {}),
        ({"crit": ["exp"]}, {}),
        ({}, {"aud": "https://other.example"}),
        ({}, {"aud": None}),
        ({}, {"iss": "https://other.example"}),
        ({}, {"exp": -1}),
        ({}, {"iat": 3_600}),
        ({}, {"scope": ["stats:read"]}),
        ({}, {"scope": {"a": []}}),
        ({}, {"scope": 7}),
        ({}, {"jti": 7}),
        ({}, {"jti": "\x00"}),
        ({}, {"sub": "another"}),
        ({}, {"cv": True}),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_check_55_our_own_signature_under_anything_odd_is_invalid(
    target: Target, reader: Client, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    token = target.token(reader)
    assert target.read(target.operator.signed_like(token, {}, {})).status_code == 200

    assert has_error(target.read(target.operator.signed_like(token, header, claims)), "invalid_token", 401)


def test_check_55_what_others_signed_is_invalid(target: Target, reader: Client) -> None:
    good = target.token(reader)
    kid, _ = target.operator.signing_key()
    nobody = urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": kid}).encode()).decode().rstrip("=")

    for token in (
        target.operator.signed_like(good, {}, {}, key=ECKey.generate_key("P-256")),
        target.operator.signed_like(good, {"alg": "HS256"}, {}, key=OctKey.import_key("secret" * 8)),
        f"{nobody}.{good.split('.')[1]}.",
        good[:-2] + "AA",
        good + "=",
        "garbage",
        "x" * 7_000,
    ):
        assert has_error(target.read(token), "invalid_token", 401), token


def test_check_56_challenges_say_what_is_needed_and_no_more(target: Target, reader: Client) -> None:
    bare = requests.get(target.url + CAMPAIGNS, timeout=TIMEOUT_S)
    narrow = target.read(target.token(reader, scope="stats:read"), "/v1/webmaster/members")

    assert bare.status_code == 401
    challenge = bare.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="')
    assert "error" not in challenge
    metadata = challenge.partition('resource_metadata="')[2].partition('"')[0]
    assert requests.get(metadata, timeout=TIMEOUT_S).json()["authorization_servers"] == [target.issuer]
    assert has_error(narrow, "insufficient_scope", 403)
    assert 'scope="members:read"' in narrow.headers["WWW-Authenticate"]


@pytest.mark.slow
def test_check_57_a_former_keys_tokens_live_until_it_is_retired(apart: Apart) -> None:
    target = apart.target
    client = target.operator.reader()
    old = target.token(client)
    former, _ = target.operator.signing_key()

    target.operator.rotate_signing_key()
    new = target.token(client)
    apart.read_keys_again()
    published = {key["kid"] for key in requests.get(target.metadata["jwks_uri"], timeout=TIMEOUT_S).json()["keys"]}
    overlap = [target.read(token).status_code for token in (old, new)]
    target.operator.age("signing_key", timedelta(minutes=13))
    apart.read_keys_again()
    after = [target.read(token).status_code for token in (old, new)]

    assert published >= {former, target.operator.signing_key()[0]}
    assert (overlap, after) == ([200, 200], [401, 200])


def test_check_57_a_revoked_keys_tokens_are_dead_at_the_next_request(apart: Apart) -> None:
    target = apart.target
    client = target.operator.reader()
    token = target.token(client)
    assert target.read(token).status_code == 200

    target.operator.revoke_signing_key(target.operator.signing_key()[0])

    assert has_error(target.read(token), "invalid_token", 401)
    assert target.read(target.token(client)).status_code == 200


def test_check_58_suspension_binds_the_next_call_and_revives_nothing(target: Target) -> None:
    client = target.operator.reader()
    token = target.token(client)
    assert target.read(token).status_code == 200

    target.operator.suspend(client)
    assert has_error(target.read(token), "invalid_token", 401)
    assert unauthenticated(target.grant(client))
    target.operator.resume(client)

    assert has_error(target.read(token), "invalid_token", 401)
    assert target.read(target.token(client)).status_code == 200


def test_check_59_only_permitted_networks_get_and_use_tokens(target: Target) -> None:
    client = target.operator.reader(allowed_networks=("127.0.0.2/32",))
    inside, form = from_address("127.0.0.2"), {"grant_type": "client_credentials"}
    forged = {"X-Forwarded-For": "127.0.0.2", "Forwarded": "for=127.0.0.2", "X-Real-IP": "127.0.0.2"}
    token = inside.post(target.address("token"), form, auth=client.basic, timeout=TIMEOUT_S).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}

    assert unauthenticated(target.grant(client))
    assert unauthenticated(target.post(form, auth=client.basic, headers=forged))
    assert inside.get(target.url + CAMPAIGNS, headers=bearer, timeout=TIMEOUT_S).status_code == 200
    assert target.read(token).status_code == 401
    assert requests.get(target.url + CAMPAIGNS, headers=bearer | forged, timeout=TIMEOUT_S).status_code == 401


def test_check_60_a_scope_opens_its_own_paths_only(target: Target, reader: Client) -> None:
    sums = target.token(reader, scope="stats:read")

    for path in ("/v1/webmaster/members", "/v1/webmaster/purchases", "/v1/platform/members/m1/privacy"):
        assert has_error(target.read(sums, path), "insufficient_scope", 403), path


def test_check_60_nobody_sees_anothers_members(target: Target) -> None:
    hers, his = target.operator.reader(), target.operator.reader()
    at = datetime.now(UTC) - timedelta(hours=1)
    feed(target, registered("m-60", at, webmaster=hers.partner))
    rows = target.read(target.token(hers), "/v1/webmaster/members").json()["data"]
    path = f"/v1/webmaster/members/{rows[0]['ref']}"

    assert [row["username"] for row in rows] == ["user_m-60"]
    assert target.read(target.token(hers), path).status_code == 200
    assert target.read(target.token(his), path).status_code == 404
    assert target.read(target.token(his), "/v1/webmaster/members").json()["data"] == []


def test_check_61_a_token_of_one_audience_opens_nothing_of_anothers(target: Target, reader: Client) -> None:
    center = target.operator.center()
    feed(target, event("model.registered", "mdl-61", name="Model"))
    card, model = "/v1/model/members/nobody", acting_for(target, center, "mdl-61")

    assert target.read(model, card).status_code == 404
    assert has_error(target.read(target.token(reader), card), "insufficient_scope", 403)
    assert has_error(target.read(target.token(center), card), "insufficient_scope", 403)
    for path in (CAMPAIGNS, "/v1/webmaster/stats", "/v1/audit/accesses", "/v1/platform/members/m1/privacy"):
        assert has_error(target.read(model, path), "insufficient_scope", 403), path


def test_check_62_a_model_sees_her_own_cards_and_nothing_makes_her_another(target: Target) -> None:
    center = target.operator.center()
    at = datetime.now(UTC) - timedelta(hours=1)
    feed(
        target,
        *(event("model.registered", name, name="Model") for name in ("mdl-62", "mdl-62b")),
        registered("m-62", at),
        event("model.favorited", "m-62", at + timedelta(minutes=1), model="mdl-62"),
    )
    hers, anothers = (acting_for(target, center, name) for name in ("mdl-62", "mdl-62b"))
    card = "/v1/model/members/user_m-62"

    assert target.read(hers, card).json()["data"]["favorite"] is True
    assert target.read(anothers, card).status_code == 404
    for name in ("model", "sub", "as", "model_id"):
        assert target.read(anothers, card, **{name: "mdl-62"}).status_code in {404, 422}
    assert target.read(anothers, "/v1/model/members", relation="any").json()["data"] == []
