"""The prepared statements of models: cards by username and by relation, and lines of spending."""

from functools import cache

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    LargeBinary,
    Text,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    select,
    true,
    tuple_,
)

from partners.postgres.literals import text_literal
from partners.tables.activity import relation, spending, spending_total
from partners.tables.member import former_username, member
from partners.vocabulary import Reason, Relation
from serializers import model
from serializers import spending as spending_lines
from serializers.policy.release import Look, Page, release_lines, release_one, release_page
from serializers.policy.schema import schema_of
from serializers.statements.prepared import LIMIT, Prepared, prepared

Card = schema_of(model.POLICY, "Card")
SpendingLine = schema_of(spending_lines.POLICY, "SpendingLine")


def _by_username() -> Look:
    """Parameters `username_key` and `username_digest`: the folded username, and the hash it may be remembered by."""
    digest = bindparam("username_digest", type_=LargeBinary)
    remembered = select(former_username.c.digest).where(former_username.c.digest == digest, former_username.c.erased)
    return Look(
        up=member.c.username_key == bindparam("username_key", type_=Text),
        missing=case((exists(remembered), text_literal(Reason.ERASED)), else_=text_literal(Reason.UNKNOWN)),
    )


CARD_BY_USERNAME = prepared(release_one(model.POLICY, _by_username()), Card)


def _by_usernames() -> Page:
    """Parameters `username_keys`, in the order asked, and `limit`."""
    keys = bindparam("username_keys", type_=ARRAY(Text))
    position = func.array_position(keys, member.c.username_key)
    return Page(chosen=member.c.username_key == any_(keys), keys=(position,), descending=False, limit=LIMIT)


CARDS_BY_USERNAME = prepared(release_page(model.POLICY, _by_usernames()), Card)

_spent_with_her = exists(
    select(spending_total.c.member)
    .where(spending_total.c.model == relation.c.model, spending_total.c.member == relation.c.member)
    .correlate(relation)
)

_RELATIONS: dict[Relation, ColumnElement[bool]] = {
    Relation.FAVORITE: relation.c.favorite,
    Relation.FAN_CLUB: relation.c.fan_club,
    Relation.GIFT_SENT: relation.c.gift_sent,
    Relation.SPENDER: _spent_with_her,
    Relation.ANY: true(),
}
"""Relations to list cards by: none of them is ever withheld from the model they concern (R14)."""

_AFTER_NUMBER = bindparam("after_number", type_=BigInteger)


@cache
def cards_page(kind: Relation, *, continued: bool) -> Prepared:
    """The statement of a list of cards; parameters `limit`, and with a cursor `after_number`."""
    beyond = relation.c.member > _AFTER_NUMBER if continued else true()
    page = Page(chosen=and_(_RELATIONS[kind], beyond), keys=(relation.c.member,), descending=False, limit=LIMIT)
    return prepared(release_page(model.POLICY, page), Card)


_SPENDING_FILTERS = {
    "from": spending.c.at >= bindparam("from_instant", type_=DateTime(timezone=True)),
    "to": spending.c.at < bindparam("to_instant", type_=DateTime(timezone=True)),
}

SPENDING_FILTERS = frozenset(_SPENDING_FILTERS)


@cache
def spending_page(filters: frozenset[str], *, continued: bool) -> Prepared:
    """The statement of lines of spending, newest first.

    Parameters: those of the card, `limit`, `from_instant`, `to_instant`, with a cursor `after_at` and `after_number`.
    """
    keys = (spending.c.at, spending.c.number)
    after = tuple_(bindparam("after_at", type_=DateTime(timezone=True)), _AFTER_NUMBER)
    chosen = and_(
        true(),
        *(condition for name, condition in _SPENDING_FILTERS.items() if name in filters),
        *([tuple_(*keys) < after] if continued else []),
    )
    page = Page(chosen=chosen, keys=keys, descending=True, limit=LIMIT)
    release = release_lines(
        spending_lines.POLICY,
        _by_username(),
        page,
        lines=spending,
        belongs=spending_lines.BELONGS_TO_THE_RELATION,
    )
    return prepared(release, SpendingLine)


def every_column() -> tuple[Prepared, ...]:
    """Statements that together read every column a release to models may read."""
    cards = (cards_page(kind, continued=True) for kind in Relation)
    return CARD_BY_USERNAME, CARDS_BY_USERNAME, *cards, spending_page(SPENDING_FILTERS, continued=True)
