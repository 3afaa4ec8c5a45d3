"""What Prometheus may know: counts and durations by closed words, never a path, a client or a member's value."""

import os
from dataclasses import dataclass, field

from flask import Flask, Response, current_app
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from partners.vocabulary import PartnerKind, Reason, Work

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Where the processes of one server keep their figures, so that each can tell those of all."""
BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True)
class Metrics:
    """The figures of one application."""

    registry: CollectorRegistry
    requests: Counter
    seconds: Histogram
    released: Counter
    denials: Counter
    feed_lines: Counter
    limits_reached: Counter
    database_errors: Counter
    sealing_failures: Counter
    detecting_failures: Counter
    spool_failures: Counter
    spool_files_lost: Counter
    _kinds: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(default_factory=dict)
    """Looked up once: there are as many as routes, methods and classes of answers allow."""
    _audiences: dict[PartnerKind, Counter] = field(default_factory=dict)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request by its answer, and time it."""
        kind = (route, method, status // 100)
        if kind not in self._kinds:
            counter = self.requests.labels(route, method, f"{status // 100}xx")
            self._kinds[kind] = (counter, self.seconds.labels(route, method))
        counter, histogram = self._kinds[kind]
        counter.inc()
        histogram.observe(seconds)

    def released_to(self, audience: PartnerKind) -> Counter:
        """What counts members for an audience."""
        if audience not in self._audiences:
            self._audiences[audience] = self.released.labels(audience)
        return self._audiences[audience]

    def text(self) -> bytes:
        """Everything in Prometheus' text format; of all processes where they share a directory."""
        if DIRECTORY not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def register(app: Flask) -> Metrics:
    """Give an application its figures."""
    # prometheus-client looks for the directory when it is imported, which is before a server has made it.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    figures: Metrics = _metrics(CollectorRegistry())
    app.extensions["metrics"] = figures
    return figures


def released(audience: PartnerKind, members: int) -> None:
    """Count members of whom something was released."""
    _current().released_to(audience).inc(members)


def denied(reason: Reason) -> None:
    """Count a refusal by its true reason."""
    _current().denials.labels(reason).inc()


def fed(*, accepted: int, duplicates: int, rejected: int) -> None:
    """Count lines of the feed."""
    for result, lines in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
        _current().feed_lines.labels(result).inc(lines)


def limit_reached(work: Work) -> None:
    """Count a request that was one too many."""
    _current().limits_reached.labels(work).inc()


def database_failed() -> None:
    """Count an answer that the database kept from being given."""
    _current().database_errors.inc()


def exposition(*more: bytes) -> Response:
    """Answer with the figures, and with more of them in the same format."""
    return Response(b"".join((_current().text(), *more)), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def counted() -> dict[str, str]:
    """Name and meaning of everything that is counted, as Prometheus is told it."""
    registry = CollectorRegistry()
    _metrics(registry)
    suffixes = {"counter": "_total"}
    return {f"{each.name}{suffixes.get(each.type, '')}": each.documentation for each in registry.collect()}


def _metrics(registry: CollectorRegistry) -> Metrics:
    def counter(name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=registry)

    return Metrics(
        registry=registry,
        requests=counter(
            "gateway_requests", "Requests, by `route`, `method` and class of `status`.", "route", "method", "status"
        ),
        seconds=Histogram(
            "gateway_request_seconds",
            "From the request to the last byte of its answer, by `route` and `method`.",
            ["route", "method"],
            buckets=BUCKETS_S,
            registry=registry,
        ),
        released=counter("gateway_released_members", "Members released, by `audience`.", "audience"),
        denials=counter("gateway_denials", "Requests refused, by their true `reason`.", "reason"),
        feed_lines=counter("gateway_feed_lines", "Lines of the feed over HTTP, by `result`.", "result"),
        limits_reached=counter("gateway_limits_reached", "Requests over a limit, by kind of `work`.", "work"),
        database_errors=counter("gateway_database_errors", "Answers the database prevented."),
        sealing_failures=counter("gateway_log_sealing_failures", "Attempts to seal that failed."),
        detecting_failures=counter("gateway_detecting_failures", "Runs of the detections that failed."),
        spool_failures=counter("gateway_spool_failures", "Answers whose records the spool did not take."),
        spool_files_lost=counter(
            "gateway_spool_files_lost", "Files of the spool that somebody else changed or removed."
        ),
    )


def _current() -> Metrics:
    held: Metrics = current_app.extensions["metrics"]
    return held
