"""Running commands as the shell would."""

import json
from typing import Any

from click.testing import CliRunner, Result

from gateway.cli import main


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(main, list(arguments), input=stdin)


def run(*arguments: str) -> Result:
    """Run a command that succeeds."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output or repr(result.exception)
    return result


def run_json(*arguments: str) -> Any:
    """Run a command that succeeds with one JSON document."""
    return json.loads(run(*arguments, "--json").stdout)
