"""The commands register, change and stop partners and clients, say plainly what is wrong, and speak JSON to scripts."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select, text

from partners.postgres.database import Database
from partners.registry import acts, issuers
from partners.tables.member import member
from partners.tables.operator import operator_act
from partners.tables.partner import client, client_secret, issuer_client, partner
from tests.factories import add_member
from tests.gateway.cli.commands import invoke, run, run_json
from tests.recycling import Recycled

pytestmark = pytest.mark.usefixtures("environment")
KEY = ECKey.generate_key("P-256", {"kid": "1"})


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


def test_a_clients_tokens_are_bound_to_keys_from_the_start_or_later(db: Database) -> None:
    """RFC 9449 §5.2; binding narrows, so that it raises the version, and loosening does not."""
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    bound = run_json("clients", "add", "w1", "--dpop")
    other = run_json("clients", "add", "w1")["client_id"]

    changes = [run_json("clients", "update", other, flag) for flag in ("--dpop", "--dpop", "--no-dpop")]

    assert bound["dpop_bound_access_tokens"] is True
    assert [change["dpop_bound_access_tokens"] for change in changes] == [True, True, False]
    with db.write.connect() as connection:
        assert connection.execute(select(client.c.version).where(client.c.id == other)).scalar_one() == 2
        noted = [entry.act for entry in acts.of_partner(connection, "w1") if entry.act.client == other]
    told = [{"dpop_bound_access_tokens": bound} for bound in (True, True, False)]
    assert [act.detail for act in noted if act.operation == "oauth.clients.update"] == told
    assert invoke("clients", "update", other).exit_code == 2
    assert invoke("clients", "update", "cl_x", "--dpop").exit_code == 1


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

    assert bound == {"issuer": "https://sessions.example", "clients": [added["client_id"]], "keys": added["keys"]}
    with db.write.connect() as connection:
        noted = select(operator_act.c.detail).where(operator_act.c.operation == "oauth.issuers.add")
        assert connection.execute(noted).scalar_one()["kids"] == added["keys"]
        assert connection.execute(select(issuer_client.c.client)).scalars().all() == [added["client_id"]]
    assert run_json("issuers", "list") == [bound]


def test_of_an_issuer_that_is_removed_no_jwt_is_exchanged_any_more(db: Database, jwks: str) -> None:
    run("partners", "add", "model_center", "studio", "--name", "Studio")
    client = run_json("clients", "add", "studio", "--jwks", jwks)["client_id"]
    for name in ("one", "two"):
        run("issuers", "add", f"https://{name}.example", "--jwks", jwks, "--client", client)

    removed = run_json("issuers", "remove", "https://one.example", "--reason", "its key leaked")

    assert removed["clients"] == [client]
    assert [each["issuer"] for each in run_json("issuers", "list")] == ["https://two.example"]
    with db.write.connect() as connection:
        assert issuers.keys_for(connection, "https://one.example", client=client) is None
        noted = select(operator_act.c.detail).where(operator_act.c.operation == "oauth.issuers.remove")
        told = {"reason": "its key leaked", "clients": [client], "kids": removed["keys"]}
        assert connection.execute(noted).scalar_one() == told
    again = invoke("issuers", "remove", "https://one.example", "--reason", "its key leaked")
    assert (again.exit_code, again.stderr) == (1, "Error: No issuer https://one.example.\n")


def test_the_life_of_a_partner_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_OPERATOR", "alice")
    monkeypatch.setenv("GATEWAY_TERMS", "2026-11")
    invited = run_json("partners", "add", "webmaster", "w1", "--name", "Web One", "--invite")
    early = invoke("partners", "activate", "w1")
    accepted = run_json("partners", "accept-terms", "w1", "--on", "2026-11-03")
    states = [run_json("partners", verb, "w1")["status"] for verb in ("activate", "suspend", "resume")]
    run_json("partners", "update", "w1", "--country", "US", "--safeguard", "SCC-2021")
    unexplained = invoke("partners", "close", "w1")
    closed = run_json("partners", "close", "w1", "--reason", "left")
    again = invoke("partners", "add", "auditor", "w1", "--name", "x")

    assert (invited["status"], invited["terms_accepted_at"], early.exit_code) == ("invited", None, 1)
    assert (accepted["terms_version"], accepted["terms_accepted_at"]) == ("2026-11", "2026-11-03T00:00:00Z")
    assert (states, closed["status"]) == (["active", "suspended", "active"], "closed")
    assert (unexplained.exit_code, "never used again" in again.output) == (2, True)
    history = run_json("partners", "history", "w1")
    verbs = ("add", "accept-terms", "activate", "suspend", "resume", "update", "close")
    assert [(done["operation"], done["operator"]) for done in history] == [
        (f"oauth.partners.{verb}", "alice") for verb in verbs
    ]
    assert history[5]["detail"] == {"country": "US", "safeguard": "SCC-2021"}
    assert history[6]["detail"] == {"reason": "left"}


def test_a_leaked_secret_is_revoked_with_a_reason_and_on_record(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_OPERATOR", "alice")
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    added = run_json("clients", "add", "w1")
    (secret,) = added["secrets"]
    run("clients", "rotate", added["client_id"])

    unexplained = invoke("clients", "revoke", added["client_id"], secret["id"])
    left = run_json("clients", "revoke", added["client_id"], secret["id"], "--reason", "in a paste")
    listed = run("clients", "list").output

    assert unexplained.exit_code == 2
    assert (left["ended"], len(left["secrets"])) == ([secret["id"]], 1)
    assert f"id={left['secrets'][0]['id']},created_at=" in listed
    assert added["client_secret"] not in listed
    with db.write.connect() as connection:
        columns = operator_act.c["operation", "operator", "client"]
        acts = connection.execute(select(*columns, operator_act.c.detail).where(operator_act.c.client.is_not(None)))
        told = [tuple(row) for row in acts]
    assert [act[:3] for act in told] == [
        (f"oauth.clients.{verb}", "alice", added["client_id"]) for verb in ("add", "rotate", "revoke")
    ]
    assert told[2][3] == {"reason": "in a paste", "ended": [secret["id"]]}
    assert "gws_" not in str(told)


def test_a_key_is_revoked_whose_id_begins_with_a_hyphen(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(
        json.dumps(ECKey.generate_key("P-256", {"kid": "-aBch"}).as_dict(private=False))
    )
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    added = run_json("clients", "add", "w1", "--jwks", str(tmp_path / "jwks.json"))

    assert run_json("clients", "revoke", added["client_id"], "-aBch", "--reason", "leaked")["ended"] == ["-aBch"]


def test_everything_wrong_with_a_key_set_is_said_at_once(tmp_path: Path) -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")
    public, private = (KEY.as_dict(private=private) for private in (False, True))
    weak = {"kty": "RSA", "kid": "2", "n": "x" * 128, "e": "AQAB", "alg": "RS512"}
    (tmp_path / "bad.json").write_text(json.dumps({"keys": [private, public, weak]}))

    said = json.loads(invoke("clients", "add", "w1", "--jwks", str(tmp_path / "bad.json"), "--json").stdout)["error"]

    for fault in ("Key 1 has the private member `d`", "same `kid`: 1", "key 3 has 768 bits", "key 3 has an `alg`"):
        assert fault in said
    assert KEY["d"] not in said


def test_campaigns_and_the_database() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "Web One")

    campaign = run_json("campaigns", "add", "w1", "spring", "--name", "Spring")

    assert campaign == {"webmaster": "w1", "code": "spring", "name": "Spring"}
    assert run_json("db", "upgrade") == {"database": "external", "upgraded": True}


def test_an_upgrade_judges_anew_which_usernames_are_harmless(own: Recycled) -> None:
    """R9: names that were stored before more of them were known to be addresses."""
    with own.superuser.connect() as connection:
        for name in ("anna.moscow", "night_owl"):
            add_member(connection, name, username=name, username_key=name, username_harmless=True)
        connection.execute(text("UPDATE alembic_version SET version_num = '0028'"))

    run("db", "upgrade")

    with own.superuser.connect() as connection:
        stored = connection.execute(select(member.c.username, member.c.username_harmless))
        judged = {row.username: row.username_harmless for row in stored}
    assert judged == {"anna.moscow": False, "night_owl": True}


def test_a_database_of_a_newer_version_is_left_as_it_is(own: Recycled) -> None:
    with own.superuser.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    refused = invoke("db", "upgrade")

    assert refused.exit_code == 1
    assert refused.output.startswith("Error: The database belongs to a newer version of the gateway")


def test_a_single_key_and_standard_input_are_taken_and_a_private_key_is_not() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "x")
    public, private = (json.dumps(KEY.as_dict(private=private)) for private in (False, True))

    assert invoke("clients", "add", "w1", "--jwks", "-", stdin=public).exit_code == 0
    refused = invoke("clients", "add", "w1", "--jwks", "-", stdin=private)
    assert "private member `d`" in refused.stderr
    assert KEY["d"] not in refused.output


def test_an_empty_text_takes_nothing_away_and_is_refused() -> None:
    """R29: who thinks that a safeguard is gone has to be told that it is not."""
    run("partners", "add", "webmaster", "w1", "--name", "x", "--country", "US", "--safeguard", "SCC-2021")

    assert invoke("partners", "update", "w1", "--safeguard", "").exit_code == 1
    assert invoke("partners", "update", "w1", "--country", "").exit_code == 1


def test_a_campaign_that_statistics_would_read_as_its_absence_is_refused() -> None:
    run("partners", "add", "webmaster", "w1", "--name", "x")

    assert invoke("campaigns", "add", "--name", "x", "w1", "--", "-x").exit_code == 1
    assert invoke("campaigns", "add", "--name", "x", "w1", "x-").exit_code == 0


@pytest.mark.parametrize("command", ["webhooks deliver", "audit push", "audit seal"])
def test_what_runs_until_it_is_stopped_has_no_document_to_print(command: str) -> None:
    assert invoke(*command.split(), "--json").exit_code == 2


def test_a_failed_command_leaves_nothing_behind(db: Database) -> None:
    invoke("partners", "add", "webmaster", "w1", "--name", "x", "--safeguard", " ")

    with db.write.connect() as connection:
        assert connection.execute(select(partner.c.id)).all() == []
