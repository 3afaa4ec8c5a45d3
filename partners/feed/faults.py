"""Why a line of the feed is not applied."""

from dataclasses import dataclass

from partners.vocabulary import FeedError


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line: a stable code, and what would be right, without any value of the line."""

    code: FeedError
    detail: str


class Refused(Exception):
    """A line, or a value of it, cannot be taken."""

    def __init__(self, code: FeedError, detail: str) -> None:
        """Take the public text; nothing that the line says belongs in it."""
        super().__init__(detail)
        self.fault = Fault(code, detail)


class Repeated(Exception):
    """The event changes nothing: what it tells was told before."""


def invalid_value(detail: str) -> Refused:
    """A value that breaks the contract; `detail` says what is allowed."""
    return Refused(FeedError.INVALID_VALUE, detail)
