"""What a partner would get about one member at this instant, for the member's own eyes (contract §5).

Here a value is read without a release: whoever executes these statements records that in the same transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, bindparam, func, null, select

from partners.postgres.literals import text_literal
from partners.registry import terms
from partners.standing import CALLER_NUMBER, may_have_member_rows
from partners.tables.member import member
from partners.tables.partner import partner
from partners.vocabulary import PartnerKind, Status
from serializers import model, webmaster
from serializers.policy.declaration import Policy
from serializers.policy.relation import GuardedRelation
from serializers.policy.render import compile_serialiser, type_of_serialiser
from serializers.policy.shapes import Tools
from serializers.statements import Card, MemberRow

Document = dict[str, Any]
ToolsFor = Callable[[int], Tools]
"""What puts values into words for the partner of this number."""

_MEMBER = bindparam("member", type_=BigInteger)
_gets_member_rows = and_(partner.c.status == text_literal(Status.ACTIVE), may_have_member_rows(), ~terms.are_lacking())
"""Of the partner as a whole: a preview knows no client, token or network to ask about; no terms, no token (R28)."""


@dataclass(frozen=True)
class Preview:
    """A prepared look through a partner's eyes: its number, then the guarded columns of the one member."""

    statement: Select[Any]
    serialise: type_of_serialiser

    def of(self, connection: Connection, asked: Mapping[str, Any], tools: ToolsFor) -> Document | None:
        """The partner's `data`; None where it would get a refusal or the one 404."""
        row = connection.execute(self.statement, asked).one_or_none()
        if row is None:
            return None
        (document,) = self.serialise([row[1:]], tools(row[0]))
        return document


@dataclass(frozen=True)
class Moment:
    """Whose data a preview is of, and when."""

    member: int
    now: datetime
    terms: str | None
    """The version that a partner must have accepted by then, if any."""


def as_webmaster(connection: Connection, moment: Moment, tools: ToolsFor) -> Document | None:
    """Return the row that the webmaster who referred the member would get."""
    return _AS_WEBMASTER.of(connection, vars(moment), tools)


def as_model(connection: Connection, model_id: str, moment: Moment, tools: ToolsFor) -> Document | None:
    """Return the card that this model would get by a usual token, one without `cards.sensitive:read`."""
    caller = {"caller_model": model_id, "caller_may_read_sensitive": False}
    return _AS_MODEL.of(connection, caller | vars(moment), tools)


def _preview(policy: Policy, schema: type[Schema], partner_number: ColumnElement[int]) -> Preview:
    guarded = {column.name: column for column in GuardedRelation(policy).columns()}
    names = [name for field in policy.fields for name, _ in field.columns()]
    statement = (
        select(partner_number.label("partner"), *(guarded[name] for name in names))
        .select_from(policy.source)
        .where(policy.member == _MEMBER, GuardedRelation(policy).visible(), partner_number.is_not(None))
    )
    return Preview(statement, compile_serialiser(schema(), {name: place for place, name in enumerate(names)}))


def _of_the_referrer() -> Preview:
    referrer = (
        select(partner.c.number, null().label("denied"))
        .select_from(member.join(partner, partner.c.number == member.c.webmaster))
        .where(member.c.number == _MEMBER, _gets_member_rows)
    )
    made = _preview(webmaster.POLICY, MemberRow, CALLER_NUMBER)
    return Preview(made.statement.add_cte(referrer.cte("caller")), made.serialise)


def _of_a_model() -> Preview:
    """Any model center will do: a session, not the registry, says which of them acts for her."""
    centers = partner.c.kind == text_literal(PartnerKind.MODEL_CENTER)
    center = select(func.min(partner.c.number)).where(centers, _gets_member_rows).scalar_subquery()
    return _preview(model.POLICY, Card, center)


_AS_WEBMASTER = _of_the_referrer()
_AS_MODEL = _of_a_model()
