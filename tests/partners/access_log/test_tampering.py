"""Every way to tamper with sealed records, done as a superuser in SQL: each is seen, and what it was about is named."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.access_log.findings import Kind
from partners.access_log.notes import Signer
from partners.access_log.subjects import in_blocks
from partners.access_log.trust import Trust
from partners.months import month_of, next_month
from partners.postgres.partitions import partition_of
from partners.tables.access import access_subject
from tests.conftest import fresh_database
from tests.partners.access_log.logs import ORIGIN, Log

VICTIM = 4
"""Of ten entries, sealed by threes: the entry that is tampered with stands under the second checkpoint."""
BULK = 10
"""The entry after them covers members in bulk: 1, 2 and 3 with two verdicts, and two of another bucket."""
PAGE = 11
"""The last entry covers members of a page: twenty neighbours in a block, and one by itself."""
OF_PAGE = f"access = (SELECT access FROM sealed_leaf WHERE index = {PAGE})"
OF_BULK = f"access = (SELECT access FROM sealed_leaf WHERE index = {BULK})"
OF_VICTIM = f"id = (SELECT access FROM sealed_leaf WHERE index = {VICTIM})"


@pytest.fixture(scope="module")
def sealed(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log that the tests of this module tamper with and leave as it was."""
    with fresh_database(cluster, template) as url:
        log = Log(url, tmp_path_factory.mktemp("log"))
        log.grow(3, 3, 3, 1)
        log.add_in_bulk({1: 0, 2: 5, 3: 5, 16_385: 0, 16_386: 0})
        log.add_in_bulk({**dict.fromkeys(range(1, 21), 0), 2_000: 0}, keeping=in_blocks)
        log.seal()
        yield log
        assert log.verify() == []
        log.close()


@pytest.fixture
def log(log: Log) -> Log:
    """A log of one's own, as large."""
    log.grow(3, 3, 3, 1)
    assert log.verify() == []
    return log


@dataclass(frozen=True)
class Tampering:
    """What a superuser does, and what is found of it; about the victim if `index` is not said."""

    does: Callable[[Log], None]
    finds: set[Kind]
    names: str
    """What the findings say of it."""


def sql(*statements: str) -> Callable[[Log], None]:
    def do(log: Log) -> None:
        for statement in statements:
            log.sql(statement)

    return do


def edited_column(assignment: str, name: str) -> Tampering:
    return Tampering(
        sql(f"UPDATE access_log SET {assignment} WHERE {OF_VICTIM}"), {Kind.COLUMNS_CHANGED}, f"entry {VICTIM}, {name}"
    )


def emptied(table: str, column: str, where: str, *finds: Kind, names: str) -> Tampering:
    does = sql(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL", f"UPDATE {table} SET {column} = NULL WHERE {where}")
    return Tampering(does, set(finds), names)


def edited_set(*statements: str, entry: int = BULK) -> Tampering:
    return Tampering(sql(*statements), {Kind.COLUMNS_CHANGED}, f"entry {entry}, acc_")


def swap_leaves(log: Log) -> None:
    """What two leaves say changes places, and so do the records they stand for."""
    one, other = log.sql("SELECT hash, at, access FROM sealed_leaf WHERE index IN (3, 4) ORDER BY index")
    log.sql("UPDATE sealed_leaf SET access = gen_random_uuid() WHERE index IN (3, 4)")
    for index, row in ((4, one), (3, other)):
        log.sql(
            f"UPDATE sealed_leaf SET hash = :hash, at = :at, access = :access WHERE index = {index}", **row._asdict()
        )


def sign_again(log: Log) -> None:
    """Every checkpoint is signed by a key of the attacker's own, under the log's name."""
    attacker = Signer(ORIGIN, Ed25519PrivateKey.generate().private_bytes_raw())
    for row in log.sql("SELECT number, note FROM log_checkpoint"):
        note = attacker.sign(read_checkpoint(row.note).text())
        log.sql("UPDATE log_checkpoint SET note = :note WHERE number = :number", note=note, number=row.number)


def sign_an_edit(log: Log) -> None:
    """A record, its leaf and the newest checkpoint are made anew, by a key of the attacker's own."""
    edit_with_hash(log)
    attacker = Signer(ORIGIN, Ed25519PrivateKey.generate().private_bytes_raw())
    note = attacker.sign(Checkpoint(ORIGIN, 10, bytes(32)).text())
    log.sql("UPDATE log_checkpoint SET note = :note WHERE size = 10", note=note)


edit_with_hash = sql(
    "UPDATE access_log SET partner = 'w2',"
    " leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '\"w1\"', '\"w2\"'), 'UTF8')"
    f" WHERE {OF_VICTIM}",
    f"UPDATE sealed_leaf SET hash = (SELECT sha256('\\x00'::bytea || leaf) FROM access_log WHERE {OF_VICTIM})"
    f" WHERE index = {VICTIM}",
)
renumber = (
    "UPDATE sealed_leaf SET index = -index WHERE index > 4",
    "UPDATE sealed_leaf SET index = -index - 1 WHERE index < 0",
)

TAMPERINGS = {
    "edit the bytes": Tampering(
        sql(f"UPDATE access_log SET leaf = leaf || ' '::bytea WHERE {OF_VICTIM}"),
        {Kind.RECORD_CHANGED}, f"entry {VICTIM}, acc_",
    ),
    "overwrite the bytes": Tampering(
        sql(f"UPDATE access_log SET leaf = '\\xff00'::bytea WHERE {OF_VICTIM}"),
        {Kind.RECORD_CHANGED, Kind.COLUMNS_CHANGED}, f"entry {VICTIM}, acc_",
    ),
    "edit bytes and hash": Tampering(edit_with_hash, {Kind.LEAVES_CHANGED}, "entries 3 to 5"),
    "delete a record": Tampering(
        sql(f"DELETE FROM access_log WHERE {OF_VICTIM}"), {Kind.RECORD_MISSING}, f"entry {VICTIM}, acc_"
    ),
    "delete two records": Tampering(
        sql(f"DELETE FROM access_log WHERE {OF_VICTIM} OR id = (SELECT access FROM sealed_leaf WHERE index = 5)"),
        {Kind.RECORD_MISSING}, "entry 5, acc_",
    ),
    "delete record and leaf": Tampering(
        sql(f"DELETE FROM access_log WHERE {OF_VICTIM}", "DELETE FROM sealed_leaf WHERE index = 4"),
        {Kind.LEAF_MISSING, Kind.LEAVES_CHANGED}, f"entry {VICTIM}: gone",
    ),
    "delete a leaf alone": Tampering(
        sql("DELETE FROM sealed_leaf WHERE index = 4"),
        {Kind.LEAF_MISSING, Kind.LEAVES_CHANGED, Kind.RECORD_FORGED}, "entry 4: gone",
    ),
    "delete and renumber": Tampering(
        sql(f"DELETE FROM access_log WHERE {OF_VICTIM}", "DELETE FROM sealed_leaf WHERE index = 4", *renumber),
        {Kind.LEAVES_CHANGED, Kind.LOG_CUT_OFF}, "entries 3 to 5",
    ),
    "swap two leaves": Tampering(swap_leaves, {Kind.LEAVES_CHANGED}, "entries 3 to 5"),
    "swap two records' bytes": Tampering(
        sql(
            "UPDATE access_log SET leaf = (SELECT o.leaf FROM access_log o JOIN sealed_leaf l ON l.access = o.id"
            " WHERE l.index IN (3, 4) AND o.id <> access_log.id)"
            " WHERE id IN (SELECT access FROM sealed_leaf WHERE index IN (3, 4))"
        ),
        {Kind.RECORD_CHANGED, Kind.COLUMNS_CHANGED}, "entry 3, acc_",
    ),
    "swap two checkpoints": Tampering(
        sql(
            "UPDATE log_checkpoint SET note = (SELECT o.note FROM log_checkpoint o"
            " WHERE o.number IN (1, 2) AND o.number <> log_checkpoint.number) WHERE number IN (1, 2)"
        ),
        {Kind.CHECKPOINT_DISPLACED}, "checkpoint 2 stands where another one stood",
    ),
    "exchange two checkpoints' numbers": Tampering(
        sql(
            "UPDATE log_checkpoint SET number = -number WHERE number IN (1, 2)",
            "UPDATE log_checkpoint SET number = number + 3 WHERE number < 0",
        ),
        {Kind.CHECKPOINT_DISPLACED}, "checkpoint 2 stands where another one stood",
    ),
    "an older checkpoint under a newer size": Tampering(
        sql("UPDATE log_checkpoint SET note = (SELECT note FROM log_checkpoint WHERE number = 1) WHERE number = 4"),
        {Kind.CHECKPOINT_DISPLACED}, "checkpoint 4 stands where another one stood",
    ),
    "drop a checkpoint": Tampering(
        sql("DELETE FROM log_checkpoint WHERE number = 2"), {Kind.CHECKPOINT_MISSING}, "checkpoints 2 to 2 are gone"
    ),
    "drop the newest checkpoint": Tampering(
        sql("DELETE FROM log_checkpoint WHERE number = 5"), {Kind.LEAVES_UNSIGNED}, f"entries {BULK} to {PAGE}"
    ),
    "drop every checkpoint": Tampering(
        sql("DELETE FROM log_checkpoint"), {Kind.LEAVES_UNSIGNED}, f"entries 0 to {PAGE}"
    ),
    "spoil a signature": Tampering(
        sql("UPDATE log_checkpoint SET note = overlay(note PLACING 'AAAA' FROM length(note) - 20) WHERE number = 3"),
        {Kind.CHECKPOINT_UNTRUSTED}, "checkpoint 3: the signature of gateway.example/access-log does not fit",
    ),
    "another log's checkpoint": Tampering(
        sql("UPDATE log_checkpoint SET note = replace(note, 'gateway.example', 'other.example') WHERE number = 3"),
        {Kind.CHECKPOINT_UNTRUSTED}, "checkpoint 3: no trusted key signed it",
    ),
    "sign again with a new key": Tampering(sign_again, {Kind.CHECKPOINT_UNTRUSTED}, "checkpoint 1: no trusted key"),
    "sign an edit with a new key": Tampering(
        sign_an_edit, {Kind.CHECKPOINT_UNTRUSTED, Kind.LEAVES_CHANGED}, "checkpoint 4: no trusted key"
    ),
    "insert a record with an old transaction": Tampering(
        sql(
            "INSERT INTO access_log SELECT at + interval '1 microsecond', gen_random_uuid(), request_id, audience,"
            " partner, client, model, operation, purpose, outcome, status, reason, member_count, verdicts,"
            f" policy_version, leaf, transaction FROM access_log WHERE {OF_VICTIM}"
        ),
        {Kind.RECORD_FORGED}, "never sealed",
    ),
    "insert a record from the future": Tampering(
        sql(
            "INSERT INTO access_log SELECT at + interval '1 microsecond', gen_random_uuid(), request_id, audience,"
            " partner, client, model, operation, purpose, outcome, status, reason, member_count, verdicts,"
            f" policy_version, leaf, '9000000000' FROM access_log WHERE {OF_VICTIM}"
        ),
        {Kind.RECORD_FORGED}, "never sealed",
    ),
    **{f"empty a leaf's {column}": emptied(
        "sealed_leaf", column, f"index = {VICTIM}",
        Kind.LEAF_MISSING, Kind.LEAVES_CHANGED, Kind.RECORD_FORGED, names=f"entry {VICTIM}: gone",
    ) for column in ("hash", "at", "access")},
    "empty every leaf's hash": emptied(
        "sealed_leaf", "hash", "true", Kind.LOG_CUT_OFF, Kind.RECORD_FORGED, names="0 are there"
    ),
    **{f"empty a checkpoint's {column}": emptied(
        "log_checkpoint", column, "number = 2", Kind.CHECKPOINT_MISSING, names="checkpoints 2 to 2 are gone"
    ) for column in ("size", "note", "horizon")},
    "a leaf of nothing and nowhere": Tampering(
        sql(
            "ALTER TABLE sealed_leaf DROP CONSTRAINT pk_sealed_leaf",
            *(f"ALTER TABLE sealed_leaf ALTER {column} DROP NOT NULL" for column in ("index", "hash", "at", "access")),
            "INSERT INTO sealed_leaf VALUES (NULL, NULL, NULL, NULL)",
        ),
        {Kind.RECORD_FORGED}, "it stands where no entry can stand",
    ),
    "let no month go": Tampering(
        sql(
            "ALTER TABLE log_pruning DROP CONSTRAINT pk_log_pruning",
            *(f"ALTER TABLE log_pruning ALTER {column} DROP NOT NULL" for column in ("month", "leaf")),
            f"INSERT INTO log_pruning SELECT NULL, access, NULL FROM sealed_leaf WHERE index = {VICTIM}",
        ),
        {Kind.PRUNING_UNTRUSTED}, "no month may not be gone",
    ),
    "insert a record of no time": Tampering(
        sql(
            "ALTER TABLE access_log ALTER transaction DROP NOT NULL",
            "INSERT INTO access_log SELECT at + interval '1 microsecond', gen_random_uuid(), request_id, audience,"
            " partner, client, model, operation, purpose, outcome, status, reason, member_count, verdicts,"
            f" policy_version, leaf, NULL FROM access_log WHERE {OF_VICTIM}"
        ),
        {Kind.RECORD_FORGED}, "never sealed",
    ),
    "seal a record where no entry can stand": Tampering(
        sql(
            "INSERT INTO sealed_leaf SELECT -1, hash, at + interval '1 microsecond', gen_random_uuid()"
            f" FROM sealed_leaf WHERE index = {VICTIM}",
            "INSERT INTO access_log SELECT l.at, l.access, request_id, audience, partner, client, model, operation,"
            " purpose, outcome, status, reason, member_count, verdicts, policy_version, a.leaf, transaction"
            f" FROM access_log a, sealed_leaf l WHERE a.{OF_VICTIM} AND l.index = -1"
        ),
        {Kind.RECORD_FORGED}, "1 more records are there",
    ),
    **{f"insert a record of the year {year}": Tampering(
        sql(
            f"UPDATE access_log SET leaf = leaf || ' '::bytea WHERE {OF_VICTIM}",
            "CREATE TABLE odd PARTITION OF access_log"
            f" FOR VALUES FROM ('{year}'::timestamptz) TO ('{year}'::timestamptz + interval '1 day')",
            f"INSERT INTO access_log SELECT '{year}', gen_random_uuid(), request_id, audience,"
            " partner, client, model, operation, purpose, outcome, status, reason, member_count, verdicts,"
            f" policy_version, leaf, {transaction} FROM access_log WHERE {OF_VICTIM}"
        ),
        {Kind.RECORD_CHANGED, Kind.RECORD_FORGED, Kind.TABLE_CHANGED}, "never sealed",
    ) for year, transaction in (
        ("20000-01-01", "pg_current_xact_id()"), ("20000-02-01", "transaction"), ("4000-01-01 BC", "transaction"),
    )},
    "let a month go that no calendar has": Tampering(
        sql(
            f"UPDATE access_log SET leaf = leaf || ' '::bytea WHERE {OF_VICTIM}",
            "INSERT INTO log_pruning VALUES ('infinity', gen_random_uuid(), 'abc')",
            "INSERT INTO log_pruning VALUES ('20000-01-01', gen_random_uuid(), '')",
        ),
        {Kind.RECORD_CHANGED, Kind.PRUNING_UNTRUSTED}, "infinity may not be gone",
    ),
    "hide that somebody was seen": Tampering(
        sql(f"DELETE FROM access_subject WHERE member = 2 AND access = (SELECT id FROM access_log WHERE {OF_VICTIM})"),
        {Kind.COLUMNS_CHANGED}, "members",
    ),
    "say that another was seen": Tampering(
        sql(
            "INSERT INTO access_subject SELECT 99, at + interval '1 microsecond', id, 0 FROM access_log"
            f" WHERE {OF_VICTIM}"
        ),
        {Kind.COLUMNS_CHANGED}, "members",
    ),
    "say that more was withheld": Tampering(
        sql(f"UPDATE access_subject SET verdict = 7 WHERE access = (SELECT id FROM access_log WHERE {OF_VICTIM})"),
        {Kind.COLUMNS_CHANGED}, "members",
    ),
    "hide that somebody was seen, from whoever looks for them": Tampering(
        sql(
            "UPDATE access_subject SET at = at + interval '1 microsecond'"
            f" WHERE access = (SELECT id FROM access_log WHERE {OF_VICTIM})"
        ),
        {Kind.COLUMNS_CHANGED}, "members",
    ),
    **{f"{name} a set": edited_set(statement) for name, statement in {
        "take somebody out of":
            f"UPDATE access_subject_set SET member_offsets = '{{2}}' WHERE {OF_BULK} AND verdict = 5",
        "put somebody into":
            f"UPDATE access_subject_set SET member_offsets = '{{2,3,4}}' WHERE {OF_BULK} AND verdict = 5",
        "exchange somebody in":
            f"UPDATE access_subject_set SET member_offsets = '{{2,4}}' WHERE {OF_BULK} AND verdict = 5",
        "name somebody twice in":
            f"UPDATE access_subject_set SET member_offsets = '{{2,3,3}}' WHERE {OF_BULK} AND verdict = 5",
        "empty": f"UPDATE access_subject_set SET member_offsets = '{{}}' WHERE {OF_BULK} AND member_bucket = 1",
        "change the verdict of": f"UPDATE access_subject_set SET verdict = 4 WHERE {OF_BULK} AND verdict = 5",
        "change the bucket of":
            f"UPDATE access_subject_set SET member_bucket = 2 WHERE {OF_BULK} AND member_bucket = 1",
        "change the instant of":
            f"UPDATE access_subject_set SET at = at + interval '1 microsecond' WHERE {OF_BULK} AND member_bucket = 1",
        "change the entry of":
            "UPDATE access_subject_set SET access = (SELECT access FROM sealed_leaf WHERE index = 0)"
            f" WHERE {OF_BULK} AND member_bucket = 1",
        "remove": f"DELETE FROM access_subject_set WHERE {OF_BULK} AND member_bucket = 1",
        "insert": "INSERT INTO access_subject_set SELECT 9, at, access, verdict, member_offsets"
            f" FROM access_subject_set WHERE {OF_BULK} AND member_bucket = 1",
    }.items()},
    "move somebody from one set into another": edited_set(
        f"UPDATE access_subject_set SET member_offsets = '{{2}}' WHERE {OF_BULK} AND verdict = 5",
        f"UPDATE access_subject_set SET member_offsets = '{{1,3}}' WHERE {OF_BULK} AND verdict = 0"
        " AND member_bucket = 0",
    ),
    **{f"{name} a block": edited_set(f"{statement} WHERE {OF_PAGE}", entry=PAGE) for name, statement in {
        "take somebody out of": "UPDATE access_subject_block SET member_offsets = member_offsets[2:]",
        "put somebody into": "UPDATE access_subject_block SET member_offsets = member_offsets || 99::smallint",
        "change the verdict of": "UPDATE access_subject_block SET verdict = 4",
        "change the bucket of": "UPDATE access_subject_block SET member_bucket = 2",
        "change the instant of": "UPDATE access_subject_block SET at = at + interval '1 microsecond'",
        "remove": "DELETE FROM access_subject_block",
        "remove who stands beside": "DELETE FROM access_subject",
    }.items()},
    "move somebody to where nobody looks, in a set": edited_set(
        f"UPDATE access_subject_set SET member_offsets = '{{1,16385,16386}}' WHERE {OF_BULK} AND verdict = 0"
        " AND member_bucket = 0",
        f"DELETE FROM access_subject_set WHERE {OF_BULK} AND member_bucket = 1",
    ),
    "move somebody to where nobody looks, in a block": edited_set(
        f"UPDATE access_subject_block SET member_offsets = member_offsets || 2000::smallint WHERE {OF_PAGE}",
        f"DELETE FROM access_subject WHERE {OF_PAGE}",
        entry=PAGE,
    ),
    "hide members by a policy": Tampering(
        sql("ALTER TABLE access_subject ENABLE ROW LEVEL SECURITY", "CREATE POLICY odd ON access_subject USING (true)"),
        {Kind.TABLE_CHANGED}, "access_subject has row security",
    ),
    **{f"hide members by {what}": Tampering(
        sql(statement), {Kind.TABLE_CHANGED}, f"{table} has {what}"
    ) for what, table, statement in (
        ("a rule", "sealed_leaf", "CREATE RULE odd AS ON DELETE TO sealed_leaf DO INSTEAD NOTHING"),
        (
            "a trigger", "access_log",
            "CREATE TRIGGER odd BEFORE UPDATE ON access_log FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger()",
        ),
        (
            "an index without new rows", "access_subject",
            "UPDATE pg_index SET indisready = false WHERE indrelid = 'access_subject'::regclass AND indisprimary",
        ),
    )},
    "put a part beside those of months": Tampering(
        sql("CREATE TABLE odd PARTITION OF access_subject DEFAULT"), {Kind.TABLE_CHANGED}, "a part of access_subject",
    ),
    "put a month where another was": Tampering(
        sql(
            "CREATE TABLE access_subject_2020_01 PARTITION OF access_subject"
            " FOR VALUES FROM ('2020-02-01Z') TO ('2020-03-01Z')"
        ),
        {Kind.TABLE_CHANGED}, "a part of access_subject is not that of a month",
    ),
    "let a log inherit": Tampering(
        sql("CREATE TABLE odd () INHERITS (sealed_node)"), {Kind.TABLE_CHANGED}, "a part of sealed_node",
    ),
    "a leaf twice": Tampering(
        sql(
            "ALTER TABLE sealed_leaf DROP CONSTRAINT pk_sealed_leaf", "DROP INDEX ix_sealed_leaf_access",
            f"INSERT INTO sealed_leaf SELECT * FROM sealed_leaf WHERE index = {VICTIM}",
        ),
        {Kind.RECORD_FORGED}, f"entry {VICTIM}, acc_",
    ),
    "a record twice, both edited": Tampering(
        sql(
            "ALTER TABLE access_log DROP CONSTRAINT pk_access_log",
            f"INSERT INTO access_log SELECT * FROM access_log WHERE {OF_VICTIM}",
            f"UPDATE access_log SET status = 599 WHERE {OF_VICTIM}",
        ),
        {Kind.RECORD_FORGED, Kind.COLUMNS_CHANGED}, f"entry {VICTIM}, acc_",
    ),
    "a leaf where no entry can stand": Tampering(
        sql(
            "INSERT INTO sealed_leaf SELECT number, hash, at, gen_random_uuid() FROM sealed_leaf,"
            f" (VALUES (9223372036854775807), (-1)) AS odd (number) WHERE index = {VICTIM}"
        ),
        {Kind.RECORD_FORGED}, "entry 9223372036854775807, acc_",
    ),
    "another instant of a leaf": Tampering(
        sql(f"UPDATE sealed_leaf SET at = at + interval '2 days' WHERE index = {VICTIM}"),
        {Kind.RECORD_MISSING, Kind.RECORD_FORGED}, f"entry {VICTIM}, acc_",
    ),
    "verdicts in other words": Tampering(
        sql(
            "UPDATE access_log SET verdicts = regexp_replace(verdicts::text, '([0-9]+)', '\\1.0', 'g')::jsonb"
            f" WHERE {OF_VICTIM}"
        ),
        {Kind.COLUMNS_CHANGED}, "verdicts",
    ),
    "verdicts that are no JSON elsewhere": edited_column("verdicts = '[1e400]'", "acc_"),
    "a netmask": Tampering(
        sql(
            "UPDATE access_network SET ip = set_masklen(ip, 8)"
            f" WHERE access = (SELECT id FROM access_log WHERE {OF_VICTIM})"
        ),
        {Kind.COLUMNS_CHANGED}, "network",
    ),
    "another address": Tampering(
        sql(f"UPDATE access_network SET ip = '192.0.2.8' WHERE access = (SELECT id FROM access_log WHERE {OF_VICTIM})"),
        {Kind.COLUMNS_CHANGED}, "network",
    ),
    "remove the address": Tampering(
        sql(f"DELETE FROM access_network WHERE access = (SELECT id FROM access_log WHERE {OF_VICTIM})"),
        {Kind.NETWORK_MISSING}, f"entry {VICTIM}, acc_",
    ),
    "back-date a record": Tampering(
        sql(
            f"UPDATE access_log SET at = at - interval '1 hour' WHERE {OF_VICTIM}",
            f"UPDATE sealed_leaf SET at = at - interval '1 hour' WHERE index = {VICTIM}",
        ),
        {Kind.COLUMNS_CHANGED, Kind.NETWORK_MISSING}, "id or at",
    ),
    **{
        f"edit {assignment.partition(' ')[0]}": edited_column(assignment, "acc_")
        for assignment in (
            "request_id = 'req_0'", "audience = NULL", "partner = 'w2'", "client = 'c2'", "model = 'm'",
            "operation = 'members.get'", "purpose = 'income'", "outcome = 'denied'", "status = 403",
            "reason = 'unknown'", "member_count = 1", "verdicts = '[]'", "policy_version = 'v'",
            "case_number = 'X-1'", "case_purpose = 'incident'",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_seen_and_named(sealed: Log, name: str) -> None:
    tampering = TAMPERINGS[name]
    with sealed.undone():
        tampering.does(sealed)
        found = sealed.verify()

    assert {finding.kind for finding in found} == tampering.finds, [finding.sentence() for finding in found]
    assert any(tampering.names in finding.sentence() for finding in found), [each.sentence() for each in found]


HIDING = {
    "an index that does not lead there": (
        "UPDATE pg_index SET indisready = false WHERE indexrelid = '{part}_pkey'::regclass",
        "WITH gone AS (DELETE FROM {part} WHERE access = '{access}' RETURNING *) INSERT INTO {part} SELECT * FROM gone",
        "UPDATE pg_index SET indisready = true WHERE indexrelid = '{part}_pkey'::regclass",
    ),
    "a part that is not of their month": (
        "ALTER TABLE access_subject DETACH PARTITION {next}",
        "WITH gone AS (DELETE FROM {part} WHERE access = '{access}' RETURNING *) INSERT INTO {next} SELECT * FROM gone",
        "ALTER TABLE {next} ADD CONSTRAINT odd CHECK (at >= '{month}' AND at < '{end}') NOT VALID",
        "UPDATE pg_constraint SET convalidated = true WHERE conname = 'odd'",
        "ALTER TABLE access_subject ATTACH PARTITION {next} FOR VALUES FROM ('{month}') TO ('{end}')",
        "ALTER TABLE {next} DROP CONSTRAINT odd",
    ),
}


@pytest.mark.parametrize("way", HIDING)
def test_rows_that_no_search_for_a_member_finds_are_counted(log: Log, way: str) -> None:
    (entry,) = log.sql(f"SELECT access, at FROM sealed_leaf WHERE index = {VICTIM}")
    month, following, after = (next_month(month_of(entry.at), ahead) for ahead in range(3))
    place = {
        "part": partition_of(access_subject, month), "next": partition_of(access_subject, following),
        "access": entry.access, "month": f"{following}Z", "end": f"{after}Z",
    }  # fmt: skip
    for statement in HIDING[way]:
        log.sql(statement.format(**place))

    assert [(finding.kind, finding.text) for finding in log.verify()] == [
        (Kind.TABLE_CHANGED, "access_subject and its index differ by 2 rows")
    ]


def test_every_column_that_can_be_searched_is_compared(log: Log) -> None:
    columns = {row[0] for row in log.sql("SELECT attname FROM pg_attribute WHERE attrelid = 'access_log'::regclass"
                                         " AND attnum > 0")}  # fmt: skip
    edited = {name.removeprefix("edit ") for name in TAMPERINGS if name.startswith("edit ")}

    assert columns - edited == {"at", "id", "leaf", "transaction"}


def test_findings_do_not_hide_each_other(log: Log) -> None:
    TAMPERINGS["edit the bytes"].does(log)
    log.sql("UPDATE access_log SET status = 500 WHERE id = (SELECT access FROM sealed_leaf WHERE index = 8)")
    log.sql("DELETE FROM log_checkpoint WHERE number = 1")

    found = {(finding.kind, finding.index) for finding in log.verify()}

    assert found == {(Kind.CHECKPOINT_MISSING, None), (Kind.RECORD_CHANGED, 4), (Kind.COLUMNS_CHANGED, 8)}


@pytest.mark.parametrize(
    ("tampering", "expected"),
    [
        ("UPDATE sealed_node SET hash = sha256(hash) WHERE number = 1", (Kind.LEAVES_CHANGED, 256, 511)),
        ("DELETE FROM sealed_node WHERE number = 0", (Kind.NODE_CHANGED, 0, 255)),
        ("UPDATE sealed_leaf SET hash = sha256(hash) WHERE index = 300", (Kind.LEAVES_CHANGED, 256, 511)),
    ],
)
def test_stored_hashes_are_computed_again(log: Log, tampering: str, expected: tuple[Kind, int, int]) -> None:
    log.add(590, members=())
    log.seal()
    log.sql(tampering)

    found = [(finding.kind, finding.index, finding.last_index) for finding in log.verify()]

    assert [each for each in found if each[0] is not Kind.RECORD_CHANGED and each[1] is not None][:1] == [expected]


@pytest.mark.parametrize("place", ["level, 1", "level, -1", "level + 1, 0", "level - 1, 0", "level + 8, 0"])
def test_a_stored_hash_of_no_entries_is_named(log: Log, place: str) -> None:
    """The log could not grow over it."""
    log.add(300, members=())
    log.seal()
    log.sql(f"INSERT INTO sealed_node (level, number, hash) SELECT {place}, sha256(hash) FROM sealed_node")

    assert [finding.kind for finding in log.verify()] == [Kind.NODE_CHANGED]


def cut_off(log: Log) -> None:
    """The newest entries go, records, leaves and checkpoints; only what was seen elsewhere tells."""
    log.sql("DELETE FROM access_log WHERE id IN (SELECT access FROM sealed_leaf WHERE index >= 6)")
    log.sql("DELETE FROM sealed_leaf WHERE index >= 6")
    log.sql("DELETE FROM log_checkpoint WHERE size > 6")


def fork(log: Log) -> None:
    """The log was set back to six entries and went on differently, under the same key."""
    cut_off(log)
    (log.directory / "access-log").rename(log.directory / "forgotten")
    log.grow(4)


@pytest.mark.parametrize(
    ("tampering", "kind", "text"),
    [
        (cut_off, Kind.LOG_CUT_OFF, "the witness saw 10 entries, and 6 are there"),
        (fork, Kind.LOG_REWRITTEN, "the first 10 entries are not those that the witness saw"),
    ],
)
def test_what_a_log_alone_cannot_tell_its_witness_can(
    log: Log, tampering: Callable[[Log], None], kind: Kind, text: str
) -> None:
    witness = log.witness(log.note())
    tampering(log)

    (finding,) = log.verify(witness)

    assert (finding.kind, finding.text) == (kind, text)
    assert log.verify() == []


def test_an_older_checkpoint_of_the_log_is_no_contradiction(log: Log) -> None:
    witness = log.witness(log.note())
    log.grow(2)

    assert log.verify(witness) == []
    assert log.verified[-1].stale == []


def test_a_witness_that_looks_away_is_stale_and_one_without_a_checkpoint_is_none(log: Log) -> None:
    witness, blind = log.witness(log.note(), longest_lag=timedelta(hours=1)), log.witness()
    log.grow(1)

    assert log.verify(witness, blind, now=datetime.now(UTC) + timedelta(hours=2)) == []
    assert log.verified[-1].stale == ["the witness has seen nothing since entry 10", "the witness has no checkpoint"]


def test_a_key_of_another_name_is_not_trusted(log: Log) -> None:
    stranger = Signer("other.example/log", bytes(32)).verifier

    assert {finding.kind for finding in log.verify(trust=Trust([stranger]))} == {Kind.CHECKPOINT_UNTRUSTED}
    assert log.verify(trust=Trust([stranger, log.signer.verifier])) == []


def test_network_data_may_go_after_its_time(log: Log) -> None:
    log.sql("DELETE FROM access_network")

    assert len(log.verify()) == 10
    assert log.verify(now=datetime.now(UTC) + timedelta(days=121)) == []


def test_a_record_that_came_in_long_after_its_time_is_named(log: Log) -> None:
    """Whoever writes a record of the past has it sealed with those of today."""
    log.add(1, at=datetime.now(UTC) - timedelta(hours=25))
    log.seal()

    (finding,) = log.verify()

    assert (finding.kind, finding.index) == (Kind.RECORD_BACKDATED, 10)


def test_what_waits_is_counted(log: Log) -> None:
    log.add(2)

    assert log.verify() == []
    covered = log.verified[-1]
    assert (covered.entries, covered.checkpoints, covered.waiting.records) == (10, 4, 2)
    # As in a copy that was restored elsewhere: a record may have been written in what is the future there.
    log.sql("UPDATE log_checkpoint SET horizon = '999999999'")
    log.sql("UPDATE access_log SET transaction = '999999999' WHERE at = (SELECT max(at) FROM access_log)")
    assert log.verify() == []
    assert log.verified[-1].waiting.records == 2
