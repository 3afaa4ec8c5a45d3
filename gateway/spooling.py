"""The access log's spool: what an answer is on record with is in the spool before it leaves (ADR 21)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, g
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from gateway.http.problems import audit_unavailable
from gateway.observability.metrics import Metrics
from gateway.wording import kind_of
from partners.access_log.noting import Noted, committed, noted_here, noting
from partners.postgres import deadline
from partners.spool.framing import key_of
from partners.spool.spool import Spool, SpoolError, SpoolPolicy

WAIT_S = 2.0
"""For the disk, and never longer than the database might be waited for."""
PROBE_S = 1.0
log = get_logger(__name__)


@dataclass(frozen=True)
class Spooling:
    """A spool, and what is answered without it."""

    spool: Spool
    policy: SpoolPolicy
    engine: Engine
    """Of the database that knows which records are there for good."""
    figures: Metrics

    def dispatch(self, view: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever Flask takes for an answer
        """Answer a request; raise `SpoolError` instead where the policy is `all` and the spool has no record of it.

        Refusals stay refusals: they say nothing of what is stored.
        """
        with noting() as noted:
            try:
                answer = view()
            except Exception:
                self._keep(noted, g.request_id)
                raise
            is_kept = self._keep(noted, g.request_id)
            if not is_kept and getattr(answer, "status_code", HTTPStatus.OK) < HTTPStatus.BAD_REQUEST:
                self._refuse()
            return answer

    def settle(self, noted: list[Noted], request_id: str) -> None:
        """Keep what was noted, before more of an answer leaves; raise `SpoolError` as the policy says."""
        if not self._keep(noted, request_id):
            self._refuse()

    def is_writable(self) -> bool:
        """Whether the next record would be taken."""
        try:
            self.spool.keep((), within_s=PROBE_S)
        except SpoolError:
            return False
        return True

    def _keep(self, noted: list[Noted], request_id: str) -> bool:
        try:
            leaves = committed(self.engine, noted)
            if leaves:
                self.spool.keep(leaves, within_s=deadline.left(WAIT_S))
        except SpoolError as error:
            return self._failed(str(error), request_id)
        except SQLAlchemyError as error:
            # The driver's message can quote values; its class cannot.
            return self._failed(kind_of(error), request_id)
        finally:
            noted.clear()
        return True

    def _failed(self, why: str, request_id: str) -> bool:
        log.error("spool_silent", why=why, policy=self.policy.value, request_id=request_id)
        self.figures.spool_failures.inc()
        return False

    def _refuse(self) -> None:
        if self.policy is SpoolPolicy.ALL:
            raise SpoolError("the spool has no record of it")


def register(app: Flask) -> None:
    """Have every answer wait for the spool, if there is one."""
    held, figures = app.extensions["runtime"], app.extensions["metrics"]
    directory = held.settings.spool_dir
    if directory is None:
        return
    spool = Spool(directory, key_of(held.keyring), partial(_say_lost, figures))
    made = Spooling(spool, held.settings.spool_policy, held.database.write, figures)
    app.extensions["spooling"] = made
    app.dispatch_request = partial(made.dispatch, app.dispatch_request)  # type: ignore[method-assign]
    app.register_error_handler(SpoolError, lambda _: audit_unavailable().response())


def spooling() -> Spooling | None:
    """Return what the current application keeps records in beside the database, if it does."""
    held: Spooling | None = current_app.extensions.get("spooling")
    return held


def settle_here() -> None:
    """Keep what was noted in this context, before more of an answer leaves; raise `SpoolError` as the policy says."""
    noted, held = noted_here(), spooling()
    if noted and held is not None:
        held.settle(noted, g.request_id)


@contextmanager
def settled(held: Spooling | None, request_id: str) -> Iterator[None]:
    """Keep what the block puts on record outside of any request; raise `SpoolError` as the policy says."""
    if held is None:
        yield
        return
    with noting() as noted:
        yield
        held.settle(noted, request_id)


def _say_lost(figures: Metrics, name: str) -> None:
    """A file of the spool was deleted, replaced or changed by somebody else; another is begun."""
    log.error("spool_file_lost", file=name)
    figures.spool_files_lost.inc()
