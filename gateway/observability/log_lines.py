"""The lines that are logged: JSON on the standard error stream, for the standard output is a command's answer."""

import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

from gateway.observability import libraries


def configure() -> None:
    """Write JSON lines to the standard error stream; of what libraries log, only where and how grave it was."""
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=lambda *_: structlog.WriteLogger(_StandardError()),  # type: ignore[arg-type]  # of a file it needs no more
        cache_logger_on_first_use=True,
    )
    libraries.hush()


def logger() -> Any:  # noqa: ANN401 - structlog's own type
    """What writes them, configured where nothing was."""
    if not structlog.is_configured():
        configure()
    return structlog.get_logger()


def _rendered(_logger: object, _method: str, line: EventDict) -> str:
    """The line as JSON, with the instant at which it was written."""
    line["timestamp"] = datetime.now(UTC)
    return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


# One list, however often it is configured: loggers keep the one that they were first used with.
_PROCESSORS: list[Processor] = [structlog.processors.add_log_level, _rendered]


class _StandardError:
    """Whatever is the standard error stream when something is written."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
