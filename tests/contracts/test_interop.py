"""`docs/interop.md` names the clients that are pinned, each with its version, and the checks as they were run."""

import json
import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
DOCUMENT = (HOUSE / "docs" / "interop.md").read_text()
ROWS = re.findall(r"^\| ([\w-]+) \((npm|PyPI)\) \| ([\d.]+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT, re.MULTILINE)
IMPORTED = {
    "Authlib": "authlib",
    "requests-oauthlib": "requests_oauthlib",
    "httpx-oauth": "httpx_oauth",
    "requests-oauth2client": "requests_oauth2client",
}
"""By what name the tests import what PyPI calls so."""


def pinned_by_npm(folder: str) -> dict[str, str]:
    asked: dict[str, str] = json.loads((HOUSE / folder / "package.json").read_text())["dependencies"]
    locked = json.loads((HOUSE / folder / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    return asked


def test_nodes_clients_are_those_that_are_pinned() -> None:
    assert {name: version for name, where, version, *_ in ROWS if where == "npm"} == pinned_by_npm("tests/interop/node")
    scripts = {path.stem for path in (HOUSE / "tests/interop/node").glob("*.js")}
    assert scripts - {"talking"} == pinned_by_npm("tests/interop/node").keys()


def test_pythons_clients_are_those_that_are_pinned_and_used() -> None:
    lock = (HOUSE / "requirements-dev.lock").read_text()
    tests = "".join(path.read_text() for path in (HOUSE / "tests").rglob("test_foreign_*.py"))

    assert {name for name, where, *_ in ROWS if where == "PyPI"} == IMPORTED.keys()
    for name, where, version, *_ in ROWS:
        if where == "PyPI":
            assert f"\n{name.lower()}=={version} " in lock, name
            assert f"from {IMPORTED[name]}" in tests


def test_the_control_is_the_version_that_is_named_and_every_check_is_in_its_table() -> None:
    (version,) = pinned_by_npm("tests/control").values()
    rows = re.findall(r"^\| (\d+) \| [a-z0-9 ;]+ \| (pass|not applicable)[^|]* \| [^|]+ \|$", DOCUMENT, re.MULTILINE)

    assert f"oidc-provider {version}" in DOCUMENT
    assert [int(number) for number, _ in rows] == list(range(1, 69))
