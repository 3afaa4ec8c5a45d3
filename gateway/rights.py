"""One transaction of a member's rights: what is done, its record, and the answer where it cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from sqlalchemy import Connection

from gateway.http.problems import Problem, not_found
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard
from gateway.runtime import runtime
from partners.keyring import Keyring
from partners.members import NoSuchMemberError
from partners.privacy import PrivacyChange, change_privacy
from partners.rights.decisions import choice_changes
from partners.rights.requests import Desk, NoSuchRequestError
from partners.rights.steps import RightsConflictError
from partners.rights.telling import tell_of_choices
from partners.vocabulary import Outcome, Reason
from serializers.platform import conflict_document


@dataclass(frozen=True)
class RightsTransaction:
    """An open transaction on behalf of the platform; what is not recorded is not done."""

    connection: Connection
    keyring: Keyring
    guard: Guard
    caller: Caller

    def desk(self, member_id: str) -> Desk:
        """Where the member's requests are handled."""
        return Desk(self.connection, self.keyring, member_id, runtime().journal)

    def change_privacy(self, member: int, change: PrivacyChange) -> None:
        """Change settings of a member whose row is locked, tell whom that concerns, and journal it (R21, R41, R65)."""
        tell_of_choices(self.connection, member, change, self.keyring)
        change_privacy(self.connection, member, change, now=runtime().now())
        chosen = choice_changes(self.connection, member, tuple(change.attributes()))
        runtime().journal.append(self.connection, chosen)

    def record(
        self,
        member: int | None,
        *,
        outcome: Outcome = Outcome.RELEASED,
        status: HTTPStatus = HTTPStatus.OK,
        reason: Reason | None = None,
        policy_version: str | None = None,
    ) -> None:
        """Put on record that it was done, for whom, and which state of the member it brought about.

        `policy_version` is that of what was decided, where something was (R31).
        """
        self.guard.note(
            self.connection,
            self.caller,
            outcome=outcome,
            status=status,
            reason=reason,
            members=_listed(member),
            policy_version=policy_version,
        )


@contextmanager
def members_rights(guard: Guard, caller: Caller) -> Iterator[RightsTransaction]:
    """Do something and record it, or do nothing, record that, and raise the problem."""
    try:
        with runtime().database.write.begin() as connection:
            yield RightsTransaction(connection, runtime().keyring, guard, caller)
    except NoSuchMemberError as nobody:
        _note_missing(guard, caller, nobody.reason, nobody.number)
        raise not_found() from None
    except NoSuchRequestError:
        _note_missing(guard, caller, Reason.UNKNOWN, None)
        raise not_found() from None
    except RightsConflictError as conflict:
        with runtime().database.write.begin() as connection:
            guard.note(connection, caller, outcome=Outcome.ERROR, status=HTTPStatus.CONFLICT)
        more = conflict_document(conflict.more)
        raise Problem(HTTPStatus.CONFLICT, conflict.slug, conflict.detail, more=more) from None


def _note_missing(guard: Guard, caller: Caller, reason: Reason, number: int | None) -> None:
    with runtime().database.write.begin() as connection:
        guard.note(
            connection,
            caller,
            outcome=Outcome.NOT_FOUND,
            status=HTTPStatus.NOT_FOUND,
            reason=reason,
            members=_listed(number),
        )


def _listed(number: int | None) -> tuple[int, ...]:
    return () if number is None else (number,)
