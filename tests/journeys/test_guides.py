"""The guides tried literally: every line of theirs is pasted beside a demo, and shows what the guide says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.demo.running import Demo, demonstrated

pytestmark = pytest.mark.slow

HOUSE = Path(__file__).parents[2]
# The README last: its member ends with a private profile.
GUIDES = ("docs/webmasters.md", "docs/model-center.md", "docs/auditors.md", "docs/platform.md", "README.md")
FIRST_START = "2026-11-25T09:00:00Z"
PRINTED_URL = "http://127.0.0.1:8000"
PRINTED_BIN = ".venv/bin/"
NOT_BESIDE_A_DEMO = re.compile(r"make |export GATEWAY_")
"""How blocks begin that start a gateway or are about the real one."""
MARK = "=== end of block"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Lines to paste, and what the guide shows as their output, if anything."""

    lines: str
    shown: str | None


def blocks(name: str) -> Iterator[Block]:
    """What a guide has its reader paste; a block without a language shows the output of the one before."""
    fences = _FENCE.findall((HOUSE / name).read_text())
    for (language, text), (next_language, next_text) in zip(fences, [*fences[1:], ("", "")], strict=True):
        if language == "sh" and not NOT_BESIDE_A_DEMO.match(text):
            yield Block(text, next_text if not next_language and next_text else None)


def is_as_shown(shown: str, printed: str) -> bool:
    """Whether the pieces between ellipses are there in their order, however they are indented."""
    first, *others = re.sub(r"\s+", "", shown).split("…")
    text = re.sub(r"\s+", "", printed)
    if not others:
        return text == first
    position = len(first)
    for piece in others[:-1]:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return text.startswith(first) and text[position:].endswith(others[-1])


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    if shutil.which("curl") is None:
        pytest.skip("LEFT OUT: the guides need curl, and there is none")
    with demonstrated(GATEWAY_TESTING="1", GATEWAY_NOW=FIRST_START) as running:
        yield running


@pytest.mark.parametrize("name", GUIDES)
def test_every_line_works_and_shows_what_the_guide_says(demo: Demo, name: str, tmp_path: Path) -> None:
    pasted = list(blocks(name))
    script = f"\necho '{MARK}'\n".join(["set -e", *(block.lines for block in pasted), ""])
    done = subprocess.run(
        ["sh"],
        input=script.replace(PRINTED_URL, demo.url).replace(PRINTED_BIN, f"{sys.prefix}/bin/"),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=os.environ | {"GATEWAY_DATA_DIR": demo.data_dir},
    )
    _, *printed, _ = done.stdout.replace(demo.url, PRINTED_URL).split(f"{MARK}\n")

    assert (done.returncode, done.stderr, len(printed)) == (0, "", len(pasted))
    for block, text in zip(pasted, printed, strict=True):
        assert block.shown is None or is_as_shown(block.shown, text), f"{block.lines}{text}"


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ('{"a": 1}', '{\n  "a": 1\n}\n', True),
        ('{"a": 1, …}', '{"a": 1, "b": 2}', True),
        ('{"a": 1, …, "c": 3}', '{"a": 1, "b": 2, "c": 3}', True),
        ('{"a": 2, …}', '{"a": 1, "b": 2}', False),
        ('{…"b": 2, …, "a": 1…', '{"a": 1, "b": 2, "c": 3}', False),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ("ab…bc", "abc", False),
    ],
)
def test_how_a_shown_answer_is_compared(*, shown: str, printed: str, alike: bool) -> None:
    assert is_as_shown(shown, printed) == alike
