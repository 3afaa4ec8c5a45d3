"""Runs the OAuth checks against the gateway and against npm's oidc-provider, and prints both in a table.

    python -m tests.control [--write]

Needs Node and npm; installs the pinned version under build/control. `--write` puts the table into docs/interop.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.control.differences import DIFFERENCES
from tests.journeys.serving import free_port

HERE = Path(__file__).parent
HOUSE = HERE.parents[1]
BUILT = HOUSE / "build" / "control"
CHECKS = "tests/journeys/oauth_checks"
DOCUMENT = HOUSE / "docs" / "interop.md"
PART = re.compile(r"(<!-- from python -m tests\.control -->\n).*?(<!-- end -->)", re.DOTALL)
Outcomes = dict[str, tuple[str, str]]


def install() -> None:
    """Install the pinned oidc-provider."""
    if shutil.which("npm") is None:
        sys.exit("LEFT OUT: the control needs Node and npm, and they are not there.")
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "provider.js"):
        shutil.copy(HERE / name, BUILT)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], check=True, cwd=BUILT)


@contextmanager
def provider() -> Iterator[str]:
    """The address of a running oidc-provider."""
    command = ["node", "provider.js", str(free_port())]
    with (BUILT / "provider.log").open("w") as log:
        process = subprocess.Popen(command, cwd=BUILT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        announced: dict[str, str] = json.loads(next(line for line in process.stdout if line.startswith("{")))
        yield announced["url"]
    finally:
        process.terminate()
        process.communicate(timeout=10)


def outcomes(of: str, **environ: str) -> Outcomes:
    """What became of each check."""
    results = BUILT / f"{of}.json"
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.control.recording", CHECKS]
    run = environ | {"OAUTH_CHECKS_RESULTS": str(results)}
    with (BUILT / f"{of}.txt").open("w") as said:
        subprocess.run(command, check=False, cwd=HOUSE, env=os.environ | run, stdout=said, stderr=said)
    read: Outcomes = json.loads(results.read_text())
    return read


def by_number(found: Outcomes) -> dict[int, dict[str, tuple[str, str]]]:
    """The outcomes of each numbered check."""
    numbered: dict[int, dict[str, tuple[str, str]]] = defaultdict(dict)
    for name, outcome in found.items():
        number = re.search(r"test_check_(\d\d)_", name)
        if number is not None:
            numbered[int(number[1])][name] = outcome
    return dict(sorted(numbered.items()))


def summary(results: dict[str, tuple[str, str]], why: str | None = None) -> str:
    """A cell of the table."""
    passed, failed = (sum(outcome == wanted for outcome, _ in results.values()) for wanted in ("passed", "failed"))
    left_out = sorted({reason for outcome, reason in results.values() if outcome == "skipped"})
    ran = passed + failed
    if not ran:
        return f"not applicable: {'; '.join(left_out)}"
    rest = f"; the rest is not applicable: {'; '.join(left_out)}" if left_out else ""
    if failed:
        return f"differs in {failed} of {ran}: {why or 'UNEXPLAINED'}{rest}"
    return f"pass ({passed}){rest}"


def titles(names: list[str]) -> str:
    """What a check says, as its tests are called."""
    said = (re.search(r"test_check_\d\d_(\w+)", name) for name in names)
    return "; ".join(dict.fromkeys(found[1].replace("_", " ") for found in said if found is not None))


def table(ours: Outcomes, control: Outcomes) -> tuple[str, list[str]]:
    """The table, and what is wrong: failures of ours, and differences that nobody explained or that are gone."""
    lines, wrong = ["| check | | ours | oidc-provider |", "|---|---|---|---|"], []
    others = by_number(control)
    for number, results in by_number(ours).items():
        mine, theirs = summary(results), summary(others[number], DIFFERENCES.get(number))
        lines.append(f"| {number} | {titles(list(results))} | {mine} | {theirs} |")
        wrong += [f"check {number}: ours {mine}"] if "differs" in mine else []
        if theirs.startswith("differs") != (number in DIFFERENCES):
            wrong.append(f"check {number}: oidc-provider {theirs}; noted: {DIFFERENCES.get(number)}")
    return "\n".join(lines) + "\n", wrong


def main() -> None:
    """Run both and print the table; exit with 1 where something is unexplained."""
    install()
    with provider() as url:
        control = outcomes("control", OAUTH_CHECKS_TARGET=json.dumps({"url": url}))
    printed, wrong = table(outcomes("ours"), control)
    sys.stdout.write(printed)
    if "--write" in sys.argv and not wrong:
        DOCUMENT.write_text(PART.sub(lambda found: found[1] + printed + found[2], DOCUMENT.read_text()))
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
