"""The steps of a member's request: from received to verified to settled or refused, and what forbids each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from partners.rights import due
from partners.rights.binding import Bond, bond_of, decisive, holds
from partners.rights.book import MemberRequest
from partners.vocabulary import Reason, RequestAction, RequestStatus, RequestType

NEEDS_A_REASON = frozenset({RequestAction.EXTEND, RequestAction.REFUSE})
SUPERVISORY_AUTHORITY: Mapping[str, str] = {
    "name": "Commission nationale pour la protection des données (CNPD)",
    "country": "LU",
    "website": "https://cnpd.public.lu",
}
"""Where a member can complain; every refusal names it (R56)."""


class RightsConflictError(Exception):
    """A request stands where this cannot be done to it; the texts are public."""

    def __init__(self, slug: str, detail: str, more: Mapping[str, Any] | None = None) -> None:
        """Take a stable code, a sentence, and what else the answer should name."""
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.more = more or {}


@dataclass(frozen=True)
class Step:
    """What the platform does with a request; raises `ValueError` where a reason is due and missing (R47, R48)."""

    action: RequestAction
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would leave a decision without its reason."""
        if self.action in NEEDS_A_REASON and not self.reason:
            raise ValueError(f"{self.action} needs a reason")


def take(step: Step, request: MemberRequest, others: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    """Return the request after the step; raise `RightsConflictError`. `others` are the member's other requests."""
    return _STEPS[step.action](step, request, others, now)


def _verify(_: Step, request: MemberRequest, others: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    _require_open(request)
    if request.status is RequestStatus.VERIFIED:
        raise RightsConflictError("already-verified", "This request is verified already.")
    bond = bond_of(request.type)
    if bond is None:
        return replace(request, status=RequestStatus.VERIFIED, verified_at=now)
    if request.type is RequestType.LIFT_RESTRICTION:
        _require_notice(request, others, bond)
    bound_as = _newest_bound(request, others) + 1
    return replace(request, status=RequestStatus.VERIFIED, verified_at=now, bound_as=bound_as)


def _extend(step: Step, request: MemberRequest, _: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    _require_open(request)
    if request.extended_at is not None:
        raise RightsConflictError(
            "extension-exhausted", "This request is extended to 60 days from its receipt already, which is the longest."
        )
    return replace(request, due_at=due.extended(request.received_at), extended_at=now, extension_reason=step.reason)


def _settle(_: Step, request: MemberRequest, __: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    _require_open(request)
    if request.status is not RequestStatus.VERIFIED:
        raise RightsConflictError("not-verified", "Identity comes first: verify this request before settling it.")
    return replace(request, status=RequestStatus.SETTLED, closed_at=now)


def _refuse(step: Step, request: MemberRequest, others: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    _require_open(request)
    refused = replace(request, status=RequestStatus.REFUSED, closed_at=now, refusal_reason=step.reason)
    bond = bond_of(request.type)
    if bond is None or not request.binds:
        return refused
    if bond.reason is Reason.RESTRICTED and holds((request, *others), bond) and not holds((refused, *others), bond):
        _require_notice(request, others, bond)
    return replace(refused, bound_as=_newest_bound(request, others) + 1)


def _notify(_: Step, request: MemberRequest, others: Sequence[MemberRequest], now: datetime) -> MemberRequest:
    # Of a settled restriction too: it holds until it is lifted, and notice comes before that.
    if request.status is RequestStatus.REFUSED:
        raise RightsConflictError("request-closed", "This request was refused; nothing more can be done with it.")
    return replace(request, notified_at=now, notified_as=_newest_bound(request, others))


_STEPS: Mapping[RequestAction, Callable[[Step, MemberRequest, Sequence[MemberRequest], datetime], MemberRequest]] = {
    RequestAction.VERIFY: _verify,
    RequestAction.EXTEND: _extend,
    RequestAction.SETTLE: _settle,
    RequestAction.REFUSE: _refuse,
    RequestAction.NOTIFY: _notify,
}


def _require_open(request: MemberRequest) -> None:
    if not request.is_open:
        raise RightsConflictError("request-closed", f"This request is {request.status}; it cannot change any more.")


def _require_notice(request: MemberRequest, others: Sequence[MemberRequest], bond: Bond) -> None:
    """R54: the member is told before a restriction ends, on this request or on the one that restricts.

    Notice counts that came after the restriction had begun to bind, also if it did because a request to lift it was
    refused.
    """
    every = (request, *others)
    restricting = decisive(every, bond)
    began = max((each.bound_as or 0 for each in every if each is restricting or each.type is bond.ends), default=0)
    told = (each.notified_as for each in (request, restricting) if each is not None)
    if all(after is None or after < began for after in told):
        raise RightsConflictError(
            "notice-required",
            "A restriction ends only after the member was told, since it began: `notify` first.",
            {"supervisory_authority": SUPERVISORY_AUTHORITY},
        )


def _newest_bound(request: MemberRequest, others: Sequence[MemberRequest]) -> int:
    return max(each.bound_as or 0 for each in (request, *others))
