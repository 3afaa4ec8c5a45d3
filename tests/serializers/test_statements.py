"""What is asked for most is rendered before anybody asks."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from sqlalchemy.sql.compiler import SQLCompiler
from partners.vocabulary import Relation
from serializers.statements import *
from serializers.statements import render_usual

telling = "telling" in sys.argv
rendered = render_usual(telling=telling)
SQLCompiler.__init__ = None
asked = [
    MEMBER_BY_REF, CARD_BY_USERNAME, CARDS_BY_USERNAME, members_page(MembersShape()), purchases_page(PurchasesShape()),
    members_page(MembersShape(bulk=True)), *(cards_page(kind, continued=False) for kind in Relation),
    spending_page(frozenset(), continued=False),
]
print(rendered, len([each.release.telling if telling else each.release.text for each in asked]))
"""


@pytest.mark.parametrize("how", ["", "telling"])
def test_the_usual_statements_are_rendered_once_for_all_workers(how: str) -> None:
    """In a process of its own, in which no other test rendered anything."""
    told = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)

    assert told.stdout.split() == ["18", "12"]
