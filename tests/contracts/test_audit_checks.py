"""The table of checks from outside names tests that are there."""

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| .* \| (.*) \|$", re.MULTILINE)


def test_each_of_the_twenty_five_checks_has_its_proof() -> None:
    page = (HOUSE / "docs" / "access-log.md").read_text()
    rows = ROW.findall(page.partition("## Twenty-five checks")[2])

    assert [int(number) for number, _ in rows] == list(range(1, 26))
    named = {name for _, proofs in rows for name in re.findall(r"`(tests/[^`]+)`", proofs)}
    lost = [name for name in named if not is_there(*name.partition("::")[::2])]
    assert lost == []
    assert not [number for number, proofs in rows if "`" not in proofs]


def is_there(path: str, test: str) -> bool:
    file = HOUSE / path
    return file.exists() and (not test or f"def {test}(" in file.read_text())
