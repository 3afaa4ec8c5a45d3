"""Go's `sumdb/note` and `sumdb/tlog` accept what the sealed log hands out, and refuse every edit of it.

Needs `apt-get install golang-go golang-golang-x-mod-dev`; says so and is left out where they are missing.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from partners.access_log.checkpoints import origin_of, read_checkpoint, signer_of
from partners.access_log.notes import Signer
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.conftest import SECRET
from tests.gateway.cli.commands import run
from tests.partners.access_log.logs import Log

SOURCE = Path(__file__).parent / "sealed_log"
LIBRARIES = Path("/usr/share/gocode")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("go") is None or not (LIBRARIES / "src/golang.org/x/mod/sumdb/tlog").is_dir(),
        reason="LEFT OUT: Go's cross-check needs `apt-get install golang-go golang-golang-x-mod-dev`",
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checking program, built of Debian's libraries."""
    built = tmp_path_factory.mktemp("go")
    environment = {"GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOCACHE": str(built / "cache"), "GOFLAGS": ""}
    subprocess.run(
        ["go", "build", "-o", str(built / "sealed_log"), str(SOURCE / "main.go")],
        check=True, cwd=SOURCE, env=os.environ | environment,
    )  # fmt: skip
    return built / "sealed_log"


@pytest.fixture
def log(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    made = Log(database_url, tmp_path, signer_of(Keyring(SECRET), origin_of("http://127.0.0.1:8000"), 1))
    yield made
    made.close()


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> Callable[[str], TestResponse]:
    """Asks the gateway as an auditor."""
    headers = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    return lambda path: http.get(f"/v1/audit/{path}", headers=headers)


def accepts(program: Path, *arguments: object) -> bool:
    done = subprocess.run([str(program), *map(str, arguments)], check=False, capture_output=True, text=True)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout == ("accepted\n" if done.returncode == 0 else ""), done.stderr
    return done.returncode == 0


def edits(text: str) -> Iterator[str]:
    """The text with one letter or digit of each line changed, a line at a time."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        where = next((at for at in reversed(range(len(line))) if line[at].isalnum()), None)
        if where is not None:
            # Not the last digit of base64, some bits of which say nothing.
            where = max(where - 3, 0) if len(line) > 40 else where
            other = "7" if line[where] != "7" else "3"
            yield "\n".join([*lines[:place], line[:where] + other + line[where + 1 :], *lines[place + 1 :]])


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257])
def test_go_accepts_the_proof_of_an_entry_and_refuses_its_edits(
    program: Path, log: Log, tmp_path: Path, size: int
) -> None:
    log.add(size, members=())
    log.seal()
    key, proof = str(log.signer.verifier), tmp_path / "entry.tlog-proof"
    for index in {0, size // 2, size - 1}:
        (row,) = log.sql("SELECT access FROM sealed_leaf WHERE index = :index", index=index)
        run("audit", "prove", f"acc_{row.access.hex}", "--out", str(proof))
        assert accepts(program, key, "proof", proof)

    for forged in edits(proof.read_text()):
        (tmp_path / "forged").write_text(forged)
        assert not accepts(program, key, "proof", tmp_path / "forged"), forged
    stranger = Signer(log.signer.verifier.name, bytes(32)).verifier
    assert not accepts(program, stranger, "proof", proof)


def test_go_accepts_that_a_log_only_grew_and_refuses_another_beginning(
    program: Path, auditor: Callable[[str], TestResponse], log: Log, tmp_path: Path
) -> None:
    old, new, proof = tmp_path / "old", tmp_path / "new", tmp_path / "consistency.json"
    log.grow(5)
    old.write_text(auditor("checkpoint").text)
    log.grow(6)
    new.write_text(auditor("checkpoint").text)
    sizes = [path.read_text().split("\n")[1] for path in (old, new)]
    answer = auditor(f"consistency?from={sizes[0]}&to={sizes[1]}")
    proof.write_bytes(answer.data)
    key = auditor("key").text.strip()

    assert accepts(program, key, "consistency", old, new, proof)
    assert not accepts(program, key, "consistency", new, old, proof)
    hashes = json.loads(proof.read_text())["data"]["hashes"]
    for forged in (hashes[:-1], hashes[::-1], [*hashes, hashes[0]]):
        (tmp_path / "forged").write_text(json.dumps({"data": {"hashes": forged}}))
        assert not accepts(program, key, "consistency", old, new, tmp_path / "forged")
    rewritten = replace(read_checkpoint(old.read_text()), root=bytes(32))
    (tmp_path / "rewritten").write_text(log.signer.sign(rewritten.text()))
    assert not accepts(program, key, "consistency", tmp_path / "rewritten", new, proof)
