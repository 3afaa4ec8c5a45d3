"""The prepared statements of every release: which members a partner may ask for, and in which order."""

from typing import Any

from sqlalchemy import Select

from partners import statements
from partners.registry import campaigns
from partners.vocabulary import Relation
from serializers.statements import model, webmaster
from serializers.statements.model import CARD_BY_USERNAME, CARDS_BY_USERNAME, Card, cards_page, spending_page
from serializers.statements.prepared import Prepared
from serializers.statements.webmaster import (
    MEMBER_BY_REF,
    MEMBER_FILTERS,
    MemberRow,
    MembersShape,
    PurchaseRow,
    PurchasesShape,
    members_page,
    purchases_page,
)


def every_statement() -> tuple[Select[Any], ...]:
    """Statements that together read every column a release may read: what rights are granted by."""
    return tuple(each.release.statement for each in (*webmaster.every_column(), *model.every_column()))


def render_usual(*, telling: bool) -> int:
    """Render what is asked for most, so that no request waits for it, and return how many statements that were.

    Single members, and lists from their start and without filters: as pages and in chunks, and as pages that go on.
    `telling` is for where records are noted: then their statements are others.
    """
    usual = (
        *(webmaster.MEMBER_BY_REF, model.CARD_BY_USERNAME, model.CARDS_BY_USERNAME),
        *(members_page(MembersShape(continued=continued)) for continued in (False, True)),
        *(purchases_page(PurchasesShape(continued=continued)) for continued in (False, True)),
        *(members_page(MembersShape(bulk=True)), purchases_page(PurchasesShape(bulk=True))),
        *(cards_page(kind, continued=False) for kind in Relation),
        spending_page(frozenset(), continued=False),
    )
    of_no_member = (campaigns.LISTING, *statements.BOTH)
    recordings = (*(each.release for each in usual), *of_no_member)
    return len([each.telling if telling else each.text for each in recordings])


__all__ = [
    "CARDS_BY_USERNAME",
    "CARD_BY_USERNAME",
    "MEMBER_BY_REF",
    "MEMBER_FILTERS",
    "Card",
    "MemberRow",
    "MembersShape",
    "Prepared",
    "PurchaseRow",
    "PurchasesShape",
    "cards_page",
    "every_statement",
    "members_page",
    "purchases_page",
    "render_usual",
    "spending_page",
]
