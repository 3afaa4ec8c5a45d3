"""Without a database of its own the gateway brings one, up to date, however many commands start at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.cli.session import session
from partners import database
from partners.database import Database

pytestmark = pytest.mark.slow


def test_commands_starting_at_once_share_the_embedded_database(reachable: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment = kept | {"GATEWAY_DATA_DIR": str(reachable)}
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "partners", "add", "webmaster"]

    started = [
        subprocess.Popen([*command, name, "--name", name], env=environment, stdout=subprocess.PIPE, text=True)
        for name in ("w1", "w2")
    ]
    outputs = [process.communicate(timeout=120)[0] for process in started]

    assert [process.returncode for process in started] == [0, 0], outputs


def test_an_external_database_is_prepared_only_when_asked(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("DROP TABLE policy_version"))
    owner.dispose()

    with session() as opened:
        assert not _has_policies(opened.database)


def _has_policies(opened: Database) -> bool:
    with opened.write.connect() as connection:
        return connection.execute(text("SELECT to_regclass('policy_version')")).scalar_one() is not None
