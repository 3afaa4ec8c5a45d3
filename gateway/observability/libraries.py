"""What libraries log: where they said it and how grave it was, and never their words."""

import logging


def hush() -> None:
    """Leave out what libraries say from here on, in every way of logging that is the standard library's."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Wordless) for handler in root.handlers):
        root.addHandler(_Wordless())


class _Wordless(logging.Handler):
    """Libraries put paths, values and tokens into their messages; where a message comes from tells enough."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say which library spoke, from which line, and about which error."""
        from gateway.observability import log_lines  # noqa: PLC0415 - few commands log a line, and what writes it takes long to load

        error = record.exc_info[0] if record.exc_info else None
        log_lines.logger().warning(
            "library_message",
            library=record.name,
            severity=record.levelname.lower(),
            at=f"{record.filename}:{record.lineno}",
            error=error.__name__ if error else None,
        )
