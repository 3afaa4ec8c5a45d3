"""Hundreds of mutated proofs, the same ones in each run: none makes a 5xx, and each refusal keeps its form."""

import random
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from partners.postgres.database import Database
from tests.callers import ISSUER, add_caller, ask_token, basic, signed_anyhow
from tests.gateway.oauth.test_hostile_input import HEADER_VALUES, HEADERS, STRINGS, VALUES
from tests.proofs import TOKEN_PATH, Prover, ath_of

pytestmark = pytest.mark.slow

ROUNDS = 300
CLAIMS = ("jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf", "é\x00")
MEMBERS = ("kty", "crv", "x", "y", "n", "e", "d", "k", "use", "alg", "key_ops", "kid", "x5c")
PATH = "/probe/stats"


@pytest.mark.parametrize("seed", range(2))
def test_mutated_proofs_are_refused_in_form(http: FlaskClient, db: Database, seed: int) -> None:
    chance, caller, prover = random.Random(seed), add_caller(db), Prover()  # noqa: S311 - the same proofs in each run
    token = ask_token(http, caller, headers=prover.for_token()).get_json()["access_token"]
    statuses: set[int] = set()

    for number in range(ROUNDS // 2):
        posts = number % 2 == 0
        htm, path = ("POST", TOKEN_PATH) if posts else ("GET", PATH)
        text = mutated(chance, prover, {"htm": htm, "htu": ISSUER + path, "ath": ath_of(token)})
        headers = Headers({"DPoP": text.encode("utf-8", "replace").decode("latin-1").translate({10: None, 13: None})})
        if posts:
            headers.extend(basic(caller.id, caller.secret or ""))
            answer = http.post(TOKEN_PATH, data={"grant_type": "client_credentials"}, headers=headers)
        else:
            headers["Authorization"] = f"DPoP {token}"
            answer = http.get(PATH, headers=headers)
        statuses.add(answer.status_code)
        assert answer.status_code in {200, 400 if posts else 401}, text

    assert statuses == {200, 400, 401}


def mutated(chance: random.Random, prover: Prover, about: dict[str, Any]) -> str:
    """A proof that is good but for up to two of its parts, or whose text was cut up afterwards."""
    jwk: dict[str, Any] = prover.key.as_dict(private=False)
    header: dict[str, Any] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    claims = about | {"iat": int(time.time()), "jti": f"{chance.random()}"}
    for _ in range(chance.randint(0, 2)):
        kind = chance.randrange(4)
        if kind == 0:
            claims[chance.choice(CLAIMS)] = chance.choice(VALUES)
        elif kind == 1:
            header[chance.choice(HEADERS)] = chance.choice(HEADER_VALUES)
        elif kind == 2 and isinstance(header["jwk"], dict):
            header["jwk"] = header["jwk"] | {chance.choice(MEMBERS): chance.choice(VALUES)}
        else:
            claims.pop(chance.choice(list(claims)), None)
    text = signed_anyhow(prover.key, header, claims)
    if chance.random() < 0.2:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice([*STRINGS, ".", "=", "A", ","]) + text[place + chance.randint(0, 3) :]
    return text
