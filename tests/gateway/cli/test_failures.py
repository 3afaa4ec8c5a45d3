"""What is wrong is said in one line for people, or in one JSON document for scripts, and never with a secret in it."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from psycopg.errors import DiskFull, QueryCanceled, TooManyConnections
from sqlalchemy.exc import OperationalError

from gateway.cli import COMMANDS
from gateway.cli.failures import said_of
from tests.conftest import SECRET, fresh_database
from tests.gateway.cli.commands import invoke, run


@pytest.fixture(scope="module", autouse=True)
def _environment(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One database for all: no command here succeeds."""
    with fresh_database(cluster, template) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_DATABASE_URL", url)
        patch.setenv("GATEWAY_SECRET_KEY", SECRET)
        patch.setenv("GATEWAY_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        run("partners", "add", "webmaster", "here", "--name", "Here")
        run("partners", "add", "model_center", "studio", "--name", "Studio")
        yield


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["partners", "add", "king", "w1", "--name", "x"], 2, "'king' is not one of"),
        (["partners", "add", "webmaster", "w1"], 2, "Missing option '--name'"),
        (["partners", "add", "webmaster", "a b", "--name", "x"], 1, "1 to 64 letters"),
        (["partners", "add", "webmaster", "w1", "--name", "x", "--country", "Mars"], 1, "ISO 3166-1"),
        (["partners", "update", "w1", "--safeguard", "x", "--no-safeguard"], 2, "exclude each other"),
        (["partners", "suspend", "here", "--reason", "a\nb\x1b[31m"], 2, "1 to 500 printable characters"),
        (["partners", "close", "here", "--reason", " "], 2, "1 to 500 printable characters"),
        (["partners", "close", "here", "--reason", "x" * 501], 2, "1 to 500 printable characters"),
        (["partners", "suspend", "nobody"], 1, "There is no partner nobody."),
        (["clients", "add", "nobody"], 1, "There is no partner nobody."),
        (["clients", "add", "here", "--scope", "cards:read"], 1, "cannot hold cards:read"),
        (["clients", "add", "here", "--auth", "private_key_jwt"], 1, "JWK set"),
        (["clients", "add", "here", "--auth", "none"], 2, "is not one of"),
        (["clients", "add", "here", "--allow", "nowhere"], 1, "no network"),
        (["clients", "add", "studio"], 1, "signs with its own keys"),
        (["clients", "add", "here", "--jwks", "/does/not/exist"], 2, "does not exist"),
        (["clients", "rotate", "cl_none", "--overlap", "-1"], 2, "-1"),
        (["clients", "list", "nobody"], 1, "There is no partner nobody."),
        (["campaigns", "add", "studio", "spring", "--name", "x"], 1, "no webmaster"),
        (["issuers", "add", "https://x.example"], 2, "Missing option '--jwks'"),
        (["keys", "retire", "none"], 1, "There is no key none"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_or_one_document(arguments: list[str], status: int, said: str) -> None:
    told, documented = invoke(*arguments), invoke(*arguments, "--json")

    assert (told.exit_code, documented.exit_code) == (status, status)
    assert said in told.stderr
    assert told.stdout == ""
    assert said in json.loads(documented.stdout)["error"]
    assert documented.stderr == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"not json", "not JSON"), (b"[]", "no JWK set"), (b"\xff", "not JSON"), (b'{"keys": []}', "1 to 20")],
)
def test_files_without_a_usable_key_set_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)

    assert said in invoke("clients", "add", "here", "--jwks", str(path)).stderr


def test_an_unreachable_database_and_an_odd_setting_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://nobody:password@127.0.0.1:1/none")
    unreachable = invoke("partners", "list")
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://nobody:pass@word:more@127.0.0.1:1/none")
    malformed = invoke("partners", "list", "--json")
    monkeypatch.delenv("GATEWAY_DATABASE_URL")
    monkeypatch.setenv("GATEWAY_PROXIES", "many")
    odd = invoke("partners", "list", "--json")

    assert (unreachable.exit_code, odd.exit_code) == (1, 1)
    assert "cannot be reached" in unreachable.stderr
    assert "password" not in unreachable.output
    assert "GATEWAY_DATABASE_URL must be" in json.loads(malformed.stdout)["error"]
    assert "more" not in malformed.output
    assert "GATEWAY_PROXIES" in json.loads(odd.stdout)["error"]


@pytest.mark.parametrize("refusal", [DiskFull, TooManyConnections, QueryCanceled])
def test_a_database_that_answers_is_not_said_to_be_out_of_reach(refusal: type[psycopg.OperationalError]) -> None:
    assert said_of(OperationalError("", {}, refusal())) == f"The database refused: {refusal.__name__}."


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ("partners list", 1),
        ("partners list --json", 1),
        ("audit key", 1),
        ("audit export", 1),
        ("audit verify", 2),
        ("policy show", 1),
        ("clients add here", 1),
        ("people add nobody ines --json", 1),
    ],
)
def test_output_that_nothing_takes_is_said_in_one_line(arguments: str, status: int) -> None:
    with Path("/dev/full").open("w") as full:
        done = in_a_process(arguments, stdout=full)

    assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr
    assert "No space left on device" in done.stderr or "no partner nobody" in done.stderr


@pytest.mark.parametrize(("arguments", "status"), [("partners list", 1), ("audit export", 1), ("audit verify", 2)])
def test_a_reader_that_has_enough_ends_a_command_without_a_word(arguments: str, status: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = in_a_process(arguments, stdout=pipe)

    assert (done.returncode, done.stderr) == (status, "")


def test_a_secret_that_nobody_saw_is_none(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    run("partners", "add", "webmaster", "w1", "--name", "One")
    with Path("/dev/full").open("w") as full:
        lost = in_a_process("clients add w1 --json", stdout=full)
    closed = in_a_process("clients add w1 >&-", in_shell=True)
    of_a_script = in_a_process("clients add w1 --json >&-", in_shell=True)

    assert (lost.returncode, closed.returncode) == (1, 1)
    assert closed.stderr == of_a_script.stderr == "Error: standard output: Bad file descriptor.\n"
    assert run("clients", "list", "--json").stdout == "[]\n"


def test_a_closed_standard_input_is_said() -> None:
    for arguments in ("ingest - <&-", "issuers add https://x.example --jwks - <&-"):
        done = in_a_process(arguments, in_shell=True)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


@pytest.mark.parametrize("directory", ["/etc/passwd", "/proc/x"])
@pytest.mark.parametrize("secret", [SECRET, ""])
def test_a_data_directory_that_can_be_none_is_said(
    monkeypatch: pytest.MonkeyPatch, directory: str, secret: str
) -> None:
    monkeypatch.delenv("GATEWAY_DATABASE_URL")
    monkeypatch.setenv("GATEWAY_DATA_DIR", directory)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", secret)

    result = invoke("partners", "list")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.exception
    assert directory in result.stderr


def in_a_process(arguments: str, *, stdout: IO[str] | int = subprocess.PIPE, in_shell: bool = False) -> Any:
    command = [sys.executable, "-c", "from gateway.cli import main; main()"]
    words = ["sh", "-c", f"{shlex.join(command)} {arguments}"] if in_shell else [*command, *arguments.split()]
    return subprocess.run(words, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    group = invoke(command, "--help")

    assert group.exit_code == 0
    assert "--help" in group.output
    assert "..." not in group.output.partition("Commands:")[2]
