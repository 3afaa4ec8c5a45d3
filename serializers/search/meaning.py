"""What the terms of a search mean: a condition over the access log, with every unknown value named as a mistake."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, not_, or_, true

from partners.access_log import looking_up as registry
from partners.access_log import search as log
from partners.access_log.cases import is_number
from partners.access_log.identifiers import OPERATOR_PREFIX, REQUEST_PREFIX, instant_of, parse
from partners.references import References
from partners.tables.access import access_log
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason
from serializers.policy.recorded import Policies
from serializers.search.language import Mistake, Qualifier, QueryError, Term, suggestion
from serializers.search.times import SHAPE, NotATimeError, stretch

Condition = ColumnElement[bool]
_CLOSED: Mapping[Qualifier, tuple[str, Collection[str]]] = {
    Qualifier.OUTCOME: ("outcome", list(Outcome)),
    Qualifier.AUDIENCE: ("audience", list(PartnerKind)),
    Qualifier.PURPOSE: ("purpose", list(Purpose)),
}
"""Qualifiers whose values are those of a closed list: their column, and the list."""


@dataclass(frozen=True)
class Meant:
    """What a query means."""

    condition: Condition
    members: tuple[int, ...]
    """The numbers of the members that it names; to leave one out is to ask about them too."""


class _UnknownError(Exception):
    """A value that there is not; the message is a sentence."""


@dataclass(frozen=True)
class Meaning:
    """Reads terms against what there is: policies, partners, members."""

    connection: Connection
    policies: Policies
    references: References
    operations: Collection[str]
    """Every operation that a record may name."""
    _members: list[int] = field(default_factory=list)

    def of(self, terms: Sequence[Term]) -> Meant:
        """Return the condition of all terms together; raise `QueryError`."""
        conditions: list[Condition] = []
        mistakes: list[Mistake] = []
        for meant, place in self._each(terms):
            try:
                conditions.append(meant())
            except _UnknownError as error:
                mistakes.append(Mistake(str(error), place))
        if mistakes:
            raise QueryError(mistakes)
        return Meant(and_(true(), *conditions), tuple(dict.fromkeys(self._members)))

    def _each(self, terms: Sequence[Term]) -> Iterator[tuple[Callable[[], Condition], int]]:
        """A condition to be made for each term; a field and a reason beside it are one."""
        fields = [term for term in terms if term.qualifier is Qualifier.FIELD and not term.negated]
        reasons = [term for term in terms if term.qualifier is Qualifier.REASON and not term.negated]
        together = [*fields, *reasons] if fields and reasons else []
        if together:
            yield lambda: self._withheld(fields, reasons), together[0].place
        for term in terms:
            if not any(term is other for other in together):
                yield lambda term=term: self._condition(term, terms), term.place  # type: ignore[misc]

    def _condition(self, term: Term, terms: Sequence[Term]) -> Condition:
        any_of = or_(false(), *(self._value(term, value, terms) for value in term.values))
        # A column without a value is none of those that are excluded.
        return not_(func.coalesce(any_of, false())) if term.negated else any_of

    def _value(self, term: Term, value: str, terms: Sequence[Term]) -> Condition:
        if term.qualifier in _CLOSED:
            name, known = _CLOSED[term.qualifier]
            return access_log.c[name] == _one_of(value, name, known)
        if term.qualifier is Qualifier.REF:
            return self._by_reference(value, terms)
        if term.qualifier is Qualifier.MEMBER:
            return self._about(log.member_number(self.connection, value))
        return self._by_qualifier[term.qualifier](value)

    @cached_property
    def _by_qualifier(self) -> dict[Qualifier, Callable[[str], Condition]]:
        return {
            Qualifier.PARTNER: self._partner,
            Qualifier.CLIENT: self._client,
            Qualifier.MODEL: self._model,
            Qualifier.FIELD: lambda value: self.policies.field_released(self._field(value)),
            Qualifier.REASON: self._reason,
            Qualifier.OPERATION: self._operation,
            Qualifier.CASE: _case,
            Qualifier.IP: _network,
            Qualifier.AT: _time,
            Qualifier.REQUEST_ID: _request,
        }

    def _partner(self, value: str) -> Condition:
        return access_log.c.partner == _one_of(value, "partner", registry.partner_ids(self.connection))

    def _client(self, value: str) -> Condition:
        if not value.startswith(OPERATOR_PREFIX) and not registry.is_client(self.connection, value):
            beginnings = f"they begin with cl_ and prs_, operators with {OPERATOR_PREFIX}"
            raise _UnknownError(f"There is no client or person “{value}”; {beginnings}.")
        return access_log.c.client == value

    def _model(self, value: str) -> Condition:
        return access_log.c.model == _one_of(value, "model", registry.model_ids(self.connection, value))

    def _operation(self, value: str) -> Condition:
        family = value.removesuffix("*")
        if family != value and self._is_family(family):
            return access_log.c.operation.startswith(family, autoescape=True)
        if value not in self.operations and not registry.is_operation(self.connection, value):
            raise _UnknownError(f"There is no operation “{value}”.{suggestion(value, self.operations)}")
        return access_log.c.operation == value

    def _is_family(self, beginning: str) -> bool:
        known = any(operation.startswith(beginning) for operation in self.operations)
        return known or registry.is_family_of_operations(self.connection, beginning)

    def _field(self, value: str) -> str:
        return _one_of(value, "field", self.policies.field_names())

    def _reason(self, value: str) -> Condition:
        reason = _one_of(value, "reason", list(Reason))
        return or_(access_log.c.reason == reason, self.policies.withheld_for(reason))

    def _withheld(self, fields: Sequence[Term], reasons: Sequence[Term]) -> Condition:
        """Entries in which each of the fields was withheld for each of the reasons."""
        return and_(
            *(
                or_(*(self.policies.withheld_for(*pair) for pair in self._pairs(field_term.values, reason_term.values)))
                for field_term in fields
                for reason_term in reasons
            )
        )

    def _pairs(self, fields: Iterable[str], reasons: Iterable[str]) -> Iterator[tuple[str, str]]:
        known = [_one_of(reason, "reason", list(Reason)) for reason in reasons]
        for name in map(self._field, fields):
            yield from ((reason, name) for reason in known)

    def _by_reference(self, value: str, terms: Sequence[Term]) -> Condition:
        owners = [term for term in terms if term.qualifier is Qualifier.PARTNER and not term.negated]
        if len(owners) != 1 or len(owners[0].values) != 1:
            raise _UnknownError("A ref means something for its partner alone: give one “partner:” too.")
        return self._about(log.number_by_ref(self.connection, self.references, value, of=owners[0].values[0]))

    def _about(self, number: int | None) -> Condition:
        """Who is unknown or erased is in no entry; whether somebody is unknown, no mistake may tell apart from that."""
        if number is None:
            return false()
        self._members.append(number)
        return log.is_about(number)


def _one_of(value: str, name: str, known: Collection[str]) -> str:
    if value not in known:
        raise _UnknownError(f"There is no {name} “{value}”.{suggestion(value, known)}")
    return value


def _case(value: str) -> Condition:
    if not is_number(value):
        raise _UnknownError(f"“{value}” is not the number of a case, such as SEC-1042.")
    return access_log.c.case_number == value


def _network(value: str) -> Condition:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        network = None
    if network is None or "%" in value:
        raise _UnknownError(f"“{value}” is neither an address nor a network, such as 192.0.2.0/24.")
    return log.is_from(str(network))


def _time(value: str) -> Condition:
    try:
        asked = stretch(value)
    except NotATimeError:
        raise _UnknownError(f"“{value}” is no time: {SHAPE}.") from None
    bounds: list[Any] = []
    if asked.since is not None:
        bounds.append(access_log.c.at >= asked.since)
    if asked.until is not None:
        bounds.append(access_log.c.at < asked.until)
    return and_(*bounds)


def _request(value: str) -> Condition:
    identifier = parse(REQUEST_PREFIX, value)
    if identifier is None:
        raise _UnknownError(f"“{value}” is not the id of a request: req_ and 32 hexadecimal digits.")
    return log.is_of_request(value, instant_of(identifier))
