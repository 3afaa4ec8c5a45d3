"""Node's clients, pinned in `tests/interop/node`, complete their flows against the served gateway.

`make interop` installs them; where they are missing these tests are left out, and say so.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from partners.postgres.database import Database
from tests.callers import SESSIONS, sign
from tests.factories import add_model
from tests.journeys.oauth_checks.ours import GatewayOperator, gateway
from tests.journeys.oauth_checks.target import Client, Target
from tests.journeys.serving import Server, free_port, served
from tests.journeys.test_foreign_tools import consented
from tests.journeys.tracking import Visitor

HOUSE = Path(__file__).parents[2]
SCRIPTS = HOUSE / "tests" / "interop" / "node"
BUILT = HOUSE / "build" / "interop"
ALGORITHMS = {
    "ES256": {"name": "ECDSA", "namedCurve": "P-256"},
    "Ed25519": {"name": "Ed25519"},
    "PS256": {"name": "RSA-PSS", "hash": "SHA-256"},
}
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (BUILT / "node_modules" / "openid-client").is_dir(),
    reason="LEFT OUT: Node's clients need Node and `make interop`",
)


@dataclass(frozen=True)
class Scene:
    """What the scripts are told, and whose browser answers."""

    described: dict[str, Any]
    visitor: Visitor

    def run(self, script: str) -> dict[str, Any]:
        """Run a script, opening the addresses it asks for, and return its results."""
        for path in SCRIPTS.glob("*.js*"):
            shutil.copy(path, BUILT)
        with subprocess.Popen(
            ["node", f"{script}.js"], cwd=BUILT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps(self.described), file=process.stdin, flush=True)
            for line in process.stdout:
                said = json.loads(line)
                if "results" in said:
                    results: dict[str, Any] = said["results"]
                    return results
                print(json.dumps({"back": consented(self.visitor, said["open"])}), file=process.stdin, flush=True)
        raise AssertionError(f"{script} said nothing")


@pytest.fixture(scope="module")
def strict(server: Server, served_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - its database is there then
    """A gateway on the same database that takes bound tokens only, and proofs only with nonces."""
    port, directory = free_port(), tmp_path_factory.mktemp("strict")
    demands = {"GATEWAY_DPOP_REQUIRED": "1", "GATEWAY_DPOP_NONCES": "1"}
    issuer = f"http://127.0.0.1:{port}"
    with served(served_url, directory, workers=1, port=port, GATEWAY_ISSUER=issuer, **demands):
        yield issuer


@pytest.fixture(scope="module")
def scene(server: Server, strict: str, stored: Database, anna: Visitor, *, log_directory: Path) -> Scene:
    target = gateway(server.url, stored, log_directory / "serve.log", anna)
    operator: GatewayOperator = target.operator
    keys = {
        "ES256": ECKey.generate_key("P-256", {"kid": "ES256"}),
        "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "Ed25519"}),
        "PS256": RSAKey.generate_key(2048, {"kid": "PS256"}),
    }
    center, reader = operator.center(key=keys["ES256"]), operator.reader()
    with stored.write.begin() as connection:
        add_model(connection, "mdl-node")
    return Scene(
        {
            "issuer": target.issuer,
            "strict": strict,
            "reader": told(reader),
            # openid-client repeats the redirect_uri without its query.
            "tool": told(operator.tool("https://compass.example/back")),
            "signers": [told(operator.signer(key)) for key in keys.values()],
            "center": told(center),
            "session": session_of(target, center),
            "token": target.token(reader),
        },
        anna,
    )


def told(client: Client) -> dict[str, Any]:
    known = {"id": client.id, "secret": client.secret, "redirect_uri": client.redirect_uri}
    if client.key is None:
        return known
    jwk = client.key.as_dict(private=True)
    return known | {"jwk": jwk, "algorithm": ALGORITHMS[str(jwk["kid"])]}


def session_of(target: Target, center: Client) -> str:
    now = int(time.time())
    claims = {"iss": SESSIONS, "sub": "mdl-node", "aud": target.issuer, "iat": now, "exp": now + 600}
    return sign(center.session_key, {"kid": "sessions-1"}, claims)


def test_openid_client(scene: Scene) -> None:
    assert scene.run("openid-client") == {
        "client credentials, secret": [True, 200, 401],
        "client credentials, key ES256": 200,
        "client credentials, key Ed25519": 200,
        "client credentials, key PS256": 200,
        "code, PKCE, refresh, revoke": [200, 401],
        "code, PKCE, PAR, refresh, revoke": [200, 401],
        "client credentials bound to a key (DPoP)": ["dpop", 200, 401],
        "code, PKCE, PAR, refresh bound to a key (DPoP)": ["dpop", 200, 401],
        "a changed iss is refused": "OAUTH_INVALID_RESPONSE",
        "token exchange": [True, 404],
        "client credentials where nonces are demanded (DPoP)": ["dpop", 200],
    }


def test_oauth4webapi(scene: Scene) -> None:
    assert scene.run("oauth4webapi") == {
        "client credentials, secret": 200,
        "client credentials, key": 200,
        "verifies access tokens": [True, True, "stats:read members:read"],
        "verifies none that is altered": "refused",
        "verifies bound access tokens and their proofs (DPoP)": [200, "string", True, 401],
        "code, PKCE, PAR, refresh, revoke": [200, 401],
    }


def test_simple_oauth2(scene: Scene) -> None:
    assert scene.run("simple-oauth2") == {
        "client credentials, secret": ["stats:read", 200],
        "code, PKCE, refresh, revoke": [200, 401],
    }


def test_jose(scene: Scene) -> None:
    assert scene.run("jose") == {
        "verifies access tokens": "stats:read members:read",
        "verifies none for another audience": "ERR_JWT_CLAIM_VALIDATION_FAILED",
        "verifies none that is altered": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    }
