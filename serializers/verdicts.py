"""What the policies decide about one member, told in verdict bits alone: no value leaves the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, bindparam, null, select

from partners.tables.partner import partner
from partners.vocabulary import Reason
from serializers import model, webmaster
from serializers.policies import DOCUMENT
from serializers.policy.declaration import Policy
from serializers.policy.explain import Explainer
from serializers.policy.relation import GuardedRelation


@dataclass(frozen=True)
class Decision:
    """What a caller would learn about a member."""

    absent: tuple[Reason, ...]
    """Why the member does not exist for the caller; empty if it does."""
    withheld: Mapping[str, tuple[Reason, ...]]
    """Every field of the policy, with the reasons for which it would be withheld; shown where there are none."""


def _verdict(policy: Policy) -> Select[int]:
    found = select(GuardedRelation(policy).verdict()).select_from(policy.source)
    return found.where(policy.member == bindparam("member", type_=BigInteger))


_ASKING = select(partner.c.number, null().label("denied")).where(partner.c.id == bindparam("webmaster", type_=Text))
_FOR_WEBMASTER = _verdict(webmaster.POLICY).add_cte(_ASKING.cte("caller"))
_FOR_MODEL = _verdict(model.POLICY)


def for_webmaster(connection: Connection, webmaster_id: str, *, member_number: int, now: datetime) -> Decision:
    """Decide for a webmaster, as if its standing were good; `now` is the clock of the rules."""
    asked = {"webmaster": webmaster_id, "member": member_number, "now": now}
    return _decision(connection, webmaster.POLICY, _FOR_WEBMASTER, asked)


def for_model(connection: Connection, model_id: str, *, sensitive: bool, member_number: int, now: datetime) -> Decision:
    """Decide for a model; `sensitive` says whether the token has `cards.sensitive:read`."""
    asked = {"caller_model": model_id, "caller_may_read_sensitive": sensitive, "member": member_number, "now": now}
    return _decision(connection, model.POLICY, _FOR_MODEL, asked)


def _decision(connection: Connection, policy: Policy, statement: Select[int], asked: Mapping[str, Any]) -> Decision:
    verdict = connection.execute(statement, asked).scalar_one()
    withheld = Explainer(DOCUMENT[policy.name]).explain(verdict).withheld
    return Decision(
        absent=tuple(policy.reason_of(atom) for atom in policy.rows if not verdict & policy.bits[atom]),
        withheld={field.name: withheld.get(field.name, ()) for field in policy.fields},
    )
