"""The documents tell the truth: every setting, code, command and file they name is there, and all are named."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus
from pathlib import Path

import click
import pytest

from gateway.cli import main
from gateway.demo.guide import Scene, lines
from gateway.serving.refusals import STATUSES
from gateway.settings import SETTINGS
from partners.vocabulary import FeedError, Reason, Scope

HOUSE = Path(__file__).parents[2]
DOCUMENTS = sorted(path for path in (*HOUSE.glob("*.md"), *HOUSE.glob("docs/**/*.md")))
SOURCES = [path for floor in ("gateway", "serializers", "partners") for path in sorted((HOUSE / floor).rglob("*.py"))]
RAISED_BY_WERKZEUG = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""What reaches a caller as a problem whose name is the status's own."""
MADE_FROM_MESSAGES = {"invalid_value", "unknown_parameter"}
"""Codes of faults that `gateway.api.arguments` chooses for marshmallow's messages."""


def document(name: str) -> str:
    return (HOUSE / name).read_text()


def section(name: str, title: str) -> str:
    """A part of a document, from its heading to the next of the same rank."""
    return document(name).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[str]:
    """The first column of a table."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def texts_given_to(*functions: str) -> Iterator[str]:
    """Literal texts in the first two places of calls to these functions, anywhere in the house."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in functions:
                first = next((each for each in node.args[:2] if isinstance(each, ast.Constant)), None)
                if first is not None and isinstance(first.value, str):
                    yield first.value


def commands(group: click.Command, path: tuple[str, ...] = ("gateway",)) -> Iterator[str]:
    """Every command that does something by itself."""
    context = click.Context(group)
    if not isinstance(group, click.Group):
        yield " ".join(path)
        return
    if group.invoke_without_command:
        yield " ".join(path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, (*path, name))


def test_what_is_generated_is_up_to_date() -> None:
    """`docs/policy.md` is what `gateway policy show --format md` prints; the settings are those of the code."""
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], check=False, cwd=HOUSE, capture_output=True)

    assert done.stderr.decode() == ""
    assert all(f"| `{setting.name}` |" in document("docs/operations.md") for setting in SETTINGS)


def test_every_rule_that_is_cited_is_told() -> None:
    told = set(re.findall(r"^- \*\*(R\d+)\*\*", document("docs/rules.md"), re.MULTILINE))
    tests = sorted((HOUSE / "tests").rglob("*.py"))
    cited = {rule for path in [*SOURCES, *DOCUMENTS, *tests] for rule in re.findall(r"\bR[1-9]\d?\b", path.read_text())}

    assert cited <= told


def test_every_command_is_documented_and_no_other() -> None:
    assert sorted(table(section("docs/operations.md", "Commands"))) == sorted(commands(main))


@pytest.mark.parametrize(
    ("title", "codes"),
    [("Scopes", Scope), ("Reasons", Reason), ("The feed", FeedError)],
)
def test_every_code_is_documented_and_no_other(title: str, codes: type[Scope | Reason | FeedError]) -> None:
    assert sorted(table(section("docs/problems.md", title))) == sorted(code.value for code in codes)


def test_every_fault_of_a_request_is_documented_and_no_other() -> None:
    # The feed's own `Fault` takes a `FeedError` and a sentence.
    codes = {text for text in texts_given_to("Fault") if re.fullmatch(r"[a-z_]+", text)}

    assert sorted(table(section("docs/problems.md", "Faults of a request"))) == sorted(codes | MADE_FROM_MESSAGES)


def test_every_problem_is_documented_and_no_other() -> None:
    """`type` points to the problem's heading."""
    named = set(texts_given_to("Problem", "RightsConflictError"))
    named |= {status.phrase.lower().replace(" ", "-") for status in {*RAISED_BY_WERKZEUG, *STATUSES.values()}}

    assert set(re.findall(r"^### (\S+)$", document("docs/problems.md"), re.MULTILINE)) == named


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|sh|csv))`", text)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)

    assert [name for name in named if not (HOUSE / name).exists()] == []
    assert [name for name in linked if not (path.parent / name).exists()] == []


def test_every_test_that_is_named_exists() -> None:
    named = {
        (file, name)
        for path in DOCUMENTS
        for file, name in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", path.read_text())
    }

    assert named
    assert [f"{file}::{name}" for file, name in sorted(named) if f"def {name}(" not in document(file)] == []


def test_where_pages_lead_whatever_path_the_issuer_has_is_documented() -> None:
    pages = [path.read_text() for path in (HOUSE / "gateway/pages").rglob("*.*")]
    led_to = {found for page in pages for found in re.findall(r'"(/[a-z][\w/.-]*)', page)}
    told = {"/account", "/console", "/docs", "/oauth/consent", "/v1/openapi.json"}

    assert {next((path for path in told if f"{found}/".startswith(f"{path}/")), found) for found in led_to} == told
    passage = document("docs/operations.md").partition("The issuer is best the host alone.")[2].partition("\n\n")[0]
    assert {path for path in told if f"`{path}`" in passage} == told


def test_the_readme_is_short_and_its_lines_are_those_the_demo_prints() -> None:
    readme = document("README.md")
    scene = Scene("http://127.0.0.1:8000", date(2026, 11, 25), "mbr_x")
    printed = {line.rpartition("gateway policy")[2] or line for _, _, line in lines(scene)}
    pasted = re.findall(r"^(?:curl|\.venv/bin/gateway policy) .*$", readme, re.MULTILINE)

    assert len(readme.splitlines()) <= 150
    assert len(pasted) == 7
    for line in pasted:
        assert any(tail_of(line) == tail_of(other) for other in printed), line


def tail_of(line: str) -> str:
    """A line without the path of the program, which differs from place to place."""
    return re.sub(r"\S*\bgateway (?=demo|policy)", "gateway ", line).removeprefix("gateway policy")


def test_commands_of_make_that_are_named_exist() -> None:
    makefile = document("Makefile")
    quoted = re.compile(r"`make ([a-z-]+)`|^make ([a-z-]+)(?: +#.*)?$", re.MULTILINE)
    named = {"".join(found) for path in DOCUMENTS for found in quoted.findall(path.read_text())}

    assert named >= {"demo", "test", "check", "help"}
    assert {name for name in named if not re.search(rf"^{name}:.*## ", makefile, re.MULTILINE)} == set()


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in sorted(HOUSE.glob("docs/adr/*.md"))]
    headings = [path.read_text().partition(".")[0] for path in sorted(HOUSE.glob("docs/adr/*.md"))]

    assert len(set(numbers)) == len(numbers)
    assert headings == [f"# {int(number)}" for number in numbers]


def test_decisions_say_whether_they_hold() -> None:
    statuses = {path.name: path.read_text().split("\n", 3)[2] for path in HOUSE.glob("docs/adr/*.md")}

    assert [name for name, status in statuses.items() if not status.startswith("Accepted.")] == []
