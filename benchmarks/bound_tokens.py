"""`python -m benchmarks.bound_tokens`: what a proof (RFC 9449) costs a request beside a bearer token."""

import hashlib
import json
import statistics
import tempfile
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlencode

import click
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks import servers
from benchmarks.__main__ import ISSUER
from gateway.cli.serve import leave_on_sigterm
from gateway.preparation import prepare
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres
from partners.registry import campaigns, clients, partners
from partners.registry.campaigns import Campaign
from partners.registry.partners import Partner
from partners.vocabulary import PartnerKind

PATH, TOKEN_PATH = "/v1/webmaster/campaigns", "/oauth/token"
KEY = ECKey.generate_key("P-256")
Headers = Callable[[], dict[str, str]]


@click.command()
@click.option("--requests", default=500, show_default=True, type=click.IntRange(10), help="Of each kind and round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(requests: int, rounds: int) -> None:
    """Ask for the same small answer one request after another, by turns with a bearer token and with proofs."""
    leave_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory, embedded_postgres(Path(directory)) as url:
        client, secret = _client(url)
        key = token_urlsafe(48)
        with servers.gateway(url, key, Path(directory), workers=1) as port:
            connection = HTTPConnection("127.0.0.1", port)
            basic = {"Authorization": f"Basic {b64encode(f'{client}:{secret}'.encode()).decode()}"}
            bearer = _token(connection, basic)
            bound = _token(connection, basic | {"DPoP": _proof("POST", TOKEN_PATH)})
            kinds: dict[str, Headers] = {
                "bearer": lambda: {"Authorization": f"Bearer {bearer}"},
                "bound": lambda: {"Authorization": f"DPoP {bound}", "DPoP": _proof("GET", PATH, bound)},
            }
            took: dict[str, list[float]] = {name: [] for name in kinds}
            for _ in range(rounds):
                for name, headers in kinds.items():
                    took[name] += _took_ms(connection, headers, requests)
    click.echo("          median  fastest tenth")
    for name, found in took.items():
        click.echo(f"{name:>8}  {statistics.median(found):3.2f} ms  {statistics.quantiles(found, n=10)[0]:3.2f} ms")


def _took_ms(connection: HTTPConnection, headers: Headers, requests: int) -> list[float]:
    """How long each of some requests took, whose headers were made before."""
    took: list[float] = []
    for prepared in [headers() for _ in range(requests)]:
        started = time.perf_counter()
        connection.request("GET", PATH, headers=prepared)
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - started) * 1_000)
        if answer.status != 200:  # noqa: PLR2004
            raise click.ClickException(f"the gateway answered {answer.status}")
    return took


def _client(url: str) -> tuple[str, str | None]:
    owner, now = database.owner(url), datetime.now(UTC)
    prepare(owner, now=now)
    with owner.begin() as connection:
        kind = PartnerKind.WEBMASTER
        partners.add(connection, Partner(id="w1", kind=kind, name="W", terms_accepted_at=now))
        campaigns.add(connection, Campaign("w1", "spring", "Spring"))
        made = clients.add(connection, clients.Wanted("w1"), now=now)
    owner.dispose()
    return made.client.id, made.secret


def _token(connection: HTTPConnection, headers: dict[str, str]) -> str:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", TOKEN_PATH, urlencode({"grant_type": "client_credentials"}), headers | form)
    document: dict[str, str] = json.loads(connection.getresponse().read())
    return document["access_token"]


def _proof(method: str, path: str, token: str | None = None) -> str:
    claims = {"htm": method, "htu": ISSUER + path, "iat": int(time.time()), "jti": token_urlsafe(16)}
    if token is not None:
        claims["ath"] = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    return jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}, claims, KEY)


if __name__ == "__main__":
    main()
