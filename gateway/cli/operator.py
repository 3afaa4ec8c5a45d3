"""An operator at the machine: what they are called, and putting on record what they do."""

from datetime import datetime

import click
from sqlalchemy import Connection

from gateway.cli.session import Session
from gateway.settings import operator_name
from partners.access_log.append import Access
from partners.registry import acts
from partners.registry.acts import Act
from partners.texts import is_label
from partners.vocabulary import Reason

LONGEST_REASON = 500


def in_words(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse a reason that says nothing, or more than a line of a table shows."""
    if value is not None and not is_label(value, LONGEST_REASON):
        raise click.BadParameter(f"Say it in words: 1 to {LONGEST_REASON} printable characters.")
    return value


def access_by_operator(at: datetime, operation: str) -> Access:
    """Describe a look of this operator for the access log."""
    return acts.access_by_operator(at, operation, operator=operator_name())


def note(opened: Session, connection: Connection, act: Act, *, reason: Reason | None = None) -> None:
    """Put an act of this operator on record, in the transaction that does it; with a `reason`, that it was refused."""
    acts.note(connection, act, operator=operator_name(), now=opened.instant(), reason=reason)
