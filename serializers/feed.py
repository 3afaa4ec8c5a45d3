"""The answer to a feed: how many events were taken, and what is wrong with those that were not (contract §2)."""

from typing import Any

from partners.feed import LineError, Report


def report_document(report: Report) -> dict[str, Any]:
    """Say what became of a feed, line by line where something is wrong."""
    return {
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "errors": [error_document(error) for error in report.errors],
    }


def error_document(error: LineError) -> dict[str, Any]:
    """Say what is wrong with a line; its values are not repeated, but for the event's id."""
    return {"line": error.line, "id": error.id, "code": error.fault.code, "detail": error.fault.detail}
