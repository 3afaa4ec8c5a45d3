"""What is asked for: a card, a page of members, statistics, and the whole list of members as lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.filling import COUNTRIES, MODEL, WEBMASTER
from gateway.demo import tokens
from gateway.demo.credentials import Credentials

CONNECTIONS = 8
EXPORTS_AT_ONCE = 2
DAYS = 30


@dataclass(frozen=True)
class Scenario:
    """Requests of one kind, and how many of `unit` one answer counts as."""

    name: str
    paths: Sequence[str]
    headers: Mapping[str, str]
    connections: int = CONNECTIONS
    unit: str = "req/s"
    worth: int = 1


def scenarios(held: Credentials, usernames: Sequence[str], *, members: int, today: date) -> tuple[Scenario, ...]:
    """Every scenario, with real tokens; `members` is how many there are."""
    model = _bearer(held, f"model:{MODEL}", "cards:read")
    webmaster = _bearer(held, f"webmaster:{WEBMASTER}", "members:read stats:read")
    first = today - timedelta(days=DAYS - 1)
    statistics = f"/v1/webmaster/stats?from={first}&to={today}&group_by=day,campaign,country"
    list_path, rows = "/v1/webmaster/members", members // 2 // len(COUNTRIES)
    return (
        Scenario("card", [f"/v1/model/members/{username}" for username in usernames], model),
        Scenario("page of 100 members", [f"{list_path}?limit=100"], webmaster),
        Scenario("statistics of 30 days", [statistics], webmaster),
        Scenario(
            f"export of {rows:,} members",
            [f"{list_path}?country={COUNTRIES[0]}"],
            {**webmaster, "Accept": "application/x-ndjson"},
            EXPORTS_AT_ONCE,
            "rows/s",
            rows,
        ),
    )


def _bearer(held: Credentials, whom: str, scope: str) -> dict[str, str]:
    answer = tokens.fetch(held, tokens.Wanted(whom, scope))
    return {"Authorization": f"Bearer {answer['access_token']}"}
