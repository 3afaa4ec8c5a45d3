"""What is asked for most is rendered before anybody asks."""

import subprocess
import sys

SCRIPT = """
from sqlalchemy.sql.compiler import SQLCompiler
from partners.vocabulary import Relation
from serializers.statements import *
from serializers.statements import render_usual

rendered = render_usual()
SQLCompiler.__init__ = None
asked = [
    MEMBER_BY_REF, CARD_BY_USERNAME, CARDS_BY_USERNAME, members_page(MembersShape()), purchases_page(PurchasesShape()),
    members_page(MembersShape(bulk=True)), *(cards_page(kind, continued=False) for kind in Relation),
    spending_page(frozenset(), continued=False),
]
print(rendered, len([each.release.text for each in asked]))
"""


def test_the_usual_statements_are_rendered_once_for_all_workers() -> None:
    """In a process of its own, in which no other test rendered anything."""
    told = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)

    assert told.stdout.split() == ["15", "12"]
