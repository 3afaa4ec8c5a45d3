"""What each layer of a card costs: the same card in one process, asked for with one thing more each time."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, g
from werkzeug.test import create_environ, run_wsgi_app

from benchmarks import floors
from benchmarks.scenarios import Scenario
from gateway.http import limits
from gateway.oauth.tokens import access_tokens
from partners.vocabulary import Work
from serializers.statements import CARD_BY_USERNAME
from serializers.wire import json_of

CALLS = 300
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", "2")]


@dataclass(frozen=True)
class Layer:
    """One line of the table: microseconds from the question to the answer, the database's part included."""

    name: str
    microseconds: float
    told: str
    """How it was found."""


def layers(app: Flask, scenario: Scenario, *, rounds: int) -> tuple[Layer, ...]:
    """Take a card apart; `scenario` asks `app` for cards."""
    seen = _measure(_measured(app, scenario), rounds=rounds)
    parts = (
        Layer("WSGI", seen["wsgi"], "a function that answers a constant"),
        Layer("the query", seen["plain"] - seen["wsgi"], "by hand, with its JSON, less WSGI"),
        Layer("the record", seen["recorded"] - seen["plain"], "in the same statement, less the query"),
        Layer("Flask", seen["flask"] - seen["wsgi"], "a view that answers a constant, less WSGI"),
        Layer("token", seen["token"], "read again, as within its ten minutes"),
        Layer("limits", seen["limits"], "counted in the process, and the two header fields"),
        Layer("JSON", seen["json"], "written from the rendered card"),
    )
    rest = seen["gateway"] - sum(part.microseconds for part in parts)
    policy = Layer("policy, standing, reasons and all else", rest, "the remainder")
    return (*parts, policy, Layer("the card", seen["gateway"], "the gateway as a WSGI application"))


def table(found: Iterable[Layer]) -> str:
    """The layers as text."""
    rows = [
        ("layer", "µs", "how it was told"),
        *((each.name, f"{each.microseconds:,.0f}", each.told) for each in found),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(f"{name:<{widths[0]}}  {cost:>{widths[1]}}  {told}" for name, cost, told in rows)


def _measured(app: Flask, scenario: Scenario) -> Mapping[str, Callable[[], object]]:
    held: Any = app.extensions["runtime"]
    token = scenario.headers["Authorization"].partition(" ")[2]
    flask = Flask(__name__, static_folder=None)
    flask.add_url_rule("/<path:path>", view_func=lambda path: Response("{}", content_type="application/json"))  # noqa: ARG005
    with app.app_context():
        caller = access_tokens().read(token, held.now()).caller
    card = dict.fromkeys(CARD_BY_USERNAME.release.positions)

    def within(work: Callable[[], object]) -> Callable[[], object]:
        def done() -> object:
            with app.app_context():
                g.received_at = held.now()
                return work()

        return done

    def limited() -> object:
        limits.spend(Work.CARDS, client=caller.client, partner=caller.partner)
        return g.allowance.left()

    applications: Mapping[str, WSGIApplication] = {
        "wsgi": _constant,
        "flask": flask,
        "plain": floors.plain,
        "recorded": floors.recorded,
        "gateway": app,
    }
    asked = {name: asking(application, scenario) for name, application in applications.items()}
    return asked | {
        "context": within(lambda: None),
        "token": within(lambda: access_tokens().read(token, g.received_at)),
        "limits": within(limited),
        "json": lambda: json_of({"data": card, "meta": {"policy_version": "…"}}),
    }


def _measure(measured: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Medians of rounds in turns; the first, in which statements are planned, is not counted."""
    seen: dict[str, list[float]] = {name: [] for name in measured}
    for counted in (False, *(True,) * rounds):
        for name, call in measured.items():
            begun = time.perf_counter()
            for _ in range(CALLS):
                call()
            if counted:
                seen[name].append((time.perf_counter() - begun) / CALLS * 1e6)
    medians = {name: median(times) for name, times in seen.items()}
    return medians | {name: medians[name] - medians["context"] for name in ("token", "limits")}


def _constant(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", _HEADERS)
    return [b"{}"]


def asking(application: WSGIApplication, scenario: Scenario) -> Callable[[], object]:
    """What asks an application of this process one question of a scenario after another."""
    asked = cycle([create_environ(path, headers=dict(scenario.headers)) for path in scenario.paths])

    def ask() -> Sequence[bytes]:
        body, status, _ = run_wsgi_app(application, dict(next(asked)))
        if status != "200 OK":
            raise ValueError(f"answered {status}")
        return list(body)

    return ask
