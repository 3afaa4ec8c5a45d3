"""A plugin of pytest that writes down what became of each check."""

import json
import os
import re
from pathlib import Path

import pytest

_WHY = re.compile(r"not applicable: (.*?)'?\)?$")


class Recorder:
    """Keeps outcomes until the session ends; a check that is skipped tells why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test's worst phase."""
        before = self.outcomes.get(report.nodeid, ("passed", ""))
        if report.when == "call" or report.outcome != "passed":
            found = _WHY.search(str(report.longrepr)) if report.skipped else None
            self.outcomes[report.nodeid] = (
                before if before[0] == "failed" else (report.outcome, found[1] if found else "")
            )

    def pytest_sessionfinish(self) -> None:
        """Write them."""
        self.path.write_text(json.dumps(self.outcomes))


def pytest_configure(config: pytest.Config) -> None:
    """Record where the environment says so."""
    if "OAUTH_CHECKS_RESULTS" in os.environ:
        config.pluginmanager.register(Recorder(Path(os.environ["OAUTH_CHECKS_RESULTS"])))
