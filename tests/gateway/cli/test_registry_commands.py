"""The commands register, change and stop partners and clients, say plainly what is wrong, and speak JSON to scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey
from sqlalchemy import select

from gateway.cli import COMMANDS, main
from partners.database import Database
from partners.tables.partner import client, client_secret, issuer_client, partner
from tests.conftest import SECRET

KEY = ECKey.generate_key("P-256", {"kid": "1"})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    """The commands work on this test's database."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))


@pytest.fixture
def jwks(tmp_path: Path) -> str:
    """A file with a client's public keys."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    return str(path)


def test_a_partner_gets_a_client_whose_secret_is_shown_once(db: Database) -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    added = run_json("clients", "add", "w1", "--scope", "stats:read", "--allow", "192.0.2.0/24")
    listed = run_json("clients", "list", "w1")

    assert added["client_secret"].startswith("gws_")
    assert listed == [{name: value for name, value in added.items() if name != "client_secret"}]
    assert (added["scopes"], added["allowed_networks"]) == (["stats:read"], ["192.0.2.0/24"])
    with db.write.connect() as connection:
        assert connection.execute(select(client.c.id)).scalars().all() == [added["client_id"]]


def test_output_for_people_has_the_secret_on_a_line_of_its_own() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")

    lines = run("clients", "add", "w1").output.splitlines()

    assert lines[0].startswith("client_id: cl_")
    assert lines[1].startswith("client_secret: gws_")
    assert run("clients", "list").output.splitlines()[0].startswith("CLIENT_ID")
    assert "w1" in run("partners", "list").output


def test_terms_country_and_safeguard_are_kept_and_changed() -> None:
    added = run_json("partners", "add", "webmaster", "w1", "--name", "Web One", "--no-terms", "--country", "us")
    changed = run_json("partners", "update", "w1", "--terms", "--safeguard", "SCC-2021", "--name", "Web 1")
    back = run_json("partners", "update", "w1", "--no-terms", "--no-safeguard", "--country", "LU")

    assert (added["terms_accepted_at"], added["country"], added["safeguard"]) == (None, "US", None)
    assert changed["terms_accepted_at"].endswith("Z")
    assert (changed["name"], changed["safeguard"], changed["country"]) == ("Web 1", "SCC-2021", "US")
    assert (back["terms_accepted_at"], back["safeguard"], back["country"]) == (None, None, "LU")


def test_the_country_is_luxembourg_and_the_terms_accepted_unless_said_otherwise() -> None:
    added = run_json("partners", "add", "webmaster", "w1", "--name", "Web One")

    assert added["country"] == "LU"
    assert added["terms_accepted_at"] is not None


@pytest.mark.parametrize("group", ["partners", "clients"])
def test_suspending_and_resuming(db: Database, group: str) -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    added = run_json("clients", "add", "w1")
    name = "w1" if group == "partners" else added["client_id"]

    states = [run_json(group, verb, name)["status"] for verb in ("suspend", "resume")]

    assert states == ["suspended", "active"]
    with db.write.connect() as connection:
        assert connection.execute(select(client.c.version)).scalar_one() == 3


def test_a_rotated_secret_overlaps_for_fourteen_days_by_default(db: Database) -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    first = run_json("clients", "add", "w1")

    second = run_json("clients", "rotate", first["client_id"])
    run("clients", "rotate", first["client_id"], "--overlap", "0")

    assert second["client_secret"] != first["client_secret"]
    assert "default: 14" in run("clients", "rotate", "--help").output
    with db.write.connect() as connection:
        assert len(connection.execute(select(client_secret.c.digest)).all()) == 2


def test_keys_choose_the_method_and_rotate_as_a_set(jwks: str) -> None:
    run("partners", "add", "model_center", "studio", "--name", "Studio")

    added = run_json("clients", "add", "studio", "--jwks", jwks, "--scope", "cards.sensitive:read")
    rotated = run_json("clients", "rotate", added["client_id"], "--jwks", jwks)

    assert added["auth"] == "private_key_jwt"
    assert "client_secret" not in added
    assert "client_secret" not in rotated


def test_issuers_belong_to_named_clients(db: Database, jwks: str) -> None:
    run("partners", "add", "model_center", "studio", "--name", "Studio")
    added = run_json("clients", "add", "studio", "--jwks", jwks)

    bound = run_json("issuers", "add", "https://sessions.example", "--jwks", jwks, "--client", added["client_id"])

    assert bound == {"issuer": "https://sessions.example", "clients": [added["client_id"]]}
    with db.write.connect() as connection:
        assert connection.execute(select(issuer_client.c.client)).scalars().all() == [added["client_id"]]


def test_campaigns_keys_and_the_database() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")

    campaign = run_json("campaigns", "add", "w1", "spring", "--name", "Spring")
    (key,) = run_json("keys", "rotate")
    retired = run_json("keys", "retire", key["kid"])

    assert campaign == {"webmaster": "w1", "code": "spring", "name": "Spring"}
    assert (key["state"], retired["state"], run_json("keys", "list")) == ("active", "retired", [])
    assert run_json("db", "upgrade") == {"database": "external", "upgraded": True}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["partners", "add", "king", "w1", "--name", "x"], 2, "'king' is not one of"),
        (["partners", "add", "webmaster", "w1"], 2, "Missing option '--name'"),
        (["partners", "add", "webmaster", "a b", "--name", "x"], 1, "1 to 64 letters"),
        (["partners", "add", "webmaster", "w1", "--name", "x", "--country", "Mars"], 1, "ISO 3166-1"),
        (["partners", "update", "w1", "--safeguard", "x", "--no-safeguard"], 2, "exclude each other"),
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
        (["keys", "retire", "none"], 1, "There is no key none."),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_or_one_document(arguments: list[str], status: int, said: str) -> None:
    run("partners", "add", "webmaster", "here", "--name", "Here")
    run("partners", "add", "model_center", "studio", "--name", "Studio")

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
    run("partners", "add", "webmaster", "w1", "--name", "x")
    path = tmp_path / "odd"
    path.write_bytes(content)

    assert said in invoke("clients", "add", "w1", "--jwks", str(path)).stderr


def test_a_single_key_and_standard_input_are_taken_and_a_private_key_is_not() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "x")
    public, private = (json.dumps(KEY.as_dict(private=private)) for private in (False, True))

    assert invoke("clients", "add", "w1", "--jwks", "-", stdin=public).exit_code == 0
    refused = invoke("clients", "add", "w1", "--jwks", "-", stdin=private)
    assert "private member `d`" in refused.stderr
    assert KEY["d"] not in refused.output


def test_a_failed_command_leaves_nothing_behind(db: Database) -> None:
    invoke("partners", "add", "webmaster", "w1", "--name", "x", "--safeguard", " ")

    with db.write.connect() as connection:
        assert connection.execute(select(partner.c.id)).all() == []


def test_an_unreachable_database_and_an_odd_setting_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://nobody:password@127.0.0.1:1/none")
    unreachable = invoke("partners", "list")
    monkeypatch.setenv("GATEWAY_PROXIES", "many")
    odd = invoke("partners", "list", "--json")

    assert (unreachable.exit_code, odd.exit_code) == (1, 1)
    assert "cannot be reached" in unreachable.stderr
    assert "password" not in unreachable.output
    assert "GATEWAY_PROXIES" in json.loads(odd.stdout)["error"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    group = invoke(command, "--help")

    assert group.exit_code == 0
    assert "--help" in group.output


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command as the shell would."""
    return CliRunner().invoke(main, list(arguments), input=stdin)


def run(*arguments: str) -> Result:
    """Run a command that succeeds."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result


def run_json(*arguments: str) -> Any:
    """Run a command that succeeds with one JSON document."""
    return json.loads(run(*arguments, "--json").stdout)
