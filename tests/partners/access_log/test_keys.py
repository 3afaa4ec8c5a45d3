"""A key takes over from another without a moment at which anybody who knows one of them cannot check the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from partners.access_log import keys
from partners.access_log.append import record
from partners.access_log.checkpoints import read_checkpoint
from partners.access_log.findings import Kind
from partners.access_log.keys import DerivedKeys, KeyChangeError
from partners.access_log.notes import NoteError, opened, signed_by
from partners.access_log.sequencer import RefusedError
from partners.access_log.trust import Sizes, Trust, read_trust
from partners.keyring import Keyring
from partners.postgres import database
from partners.vocabulary import Outcome
from tests.conftest import SECRET
from tests.partners.access_log.logs import ORIGIN, Log, access

OWN = DerivedKeys(Keyring(SECRET), ORIGIN)
REPLACE_NEWEST = "UPDATE log_checkpoint SET note = :note WHERE number = (SELECT max(number) FROM log_checkpoint)"
OLD, NEW = OWN.signer(1), OWN.signer(2)


@contextmanager
def owning(log: Log) -> Iterator[Connection]:
    engine = database.owner(log.url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def rotate(log: Log) -> None:
    with owning(log) as connection:
        keys.rotate(connection, OWN, access(operation=keys.ROTATED))


def retire(log: Log) -> int:
    with owning(log) as connection:
        old = keys.begin_retiring(connection, OWN)
        assert keys.finish_retiring(connection, OWN, old, access(operation=keys.RETIRED)) is None
    log.seal()
    with owning(log) as connection:
        last = keys.finish_retiring(connection, OWN, old, access(operation=keys.RETIRED))
    assert last is not None
    return last


def trust_file(log: Log, path: Path) -> Trust:
    with log.engines.write.connect() as connection:
        path.write_text("# what is believed\n\n" + "\n".join(OWN.lines(connection)))
        return read_trust(path)


def test_both_sign_for_a_while_and_a_stolen_old_key_signs_nothing_later(log: Log, tmp_path: Path) -> None:
    log.keys = OWN
    log.grow(3)
    assert signed_by(log.note()) == {OLD.verifier.id}
    with pytest.raises(KeyChangeError, match="only one key signs"):
        retire(log)

    rotate(log)
    with pytest.raises(KeyChangeError, match="two keys sign already"):
        rotate(log)
    with pytest.raises(KeyChangeError, match="signed nothing yet"):
        retire(log)
    log.seal()
    log.grow(2)

    overlap = log.note()
    assert opened(overlap, [OLD.verifier]) == opened(overlap, [NEW.verifier])
    assert log.verify(trust=Trust([OLD.verifier])) == []
    new_only = Trust([NEW.verifier], sizes={NEW.verifier.public: Sizes(4)})
    assert log.verify(log.witness(overlap), trust=new_only) == []

    last = retire(log)
    log.grow(2)

    assert last == read_checkpoint(overlap).size == 6
    assert signed_by(log.note()) == {NEW.verifier.id}
    trust = trust_file(log, tmp_path / "trust")
    assert trust.sizes == {OLD.verifier.public: Sizes(0, 6), NEW.verifier.public: Sizes(4)}
    assert log.verify(trust=trust) == log.verify(trust=new_only) == []
    recorded = log.sql("SELECT operation FROM access_log JOIN sealed_leaf ON id = access"
                       " WHERE operation LIKE 'key%' ORDER BY index")  # fmt: skip
    assert [row.operation for row in recorded] == [keys.ROTATED, keys.RETIRED]

    stolen = OLD.sign(read_checkpoint(log.note()).text())
    log.sql(REPLACE_NEWEST, note=stolen)
    (finding,) = log.verify(trust=trust)
    assert (finding.kind, f"{OLD.verifier.id.hex()} is not trusted with 9 entries" in finding.text) == (
        Kind.CHECKPOINT_UNTRUSTED, True,
    )  # fmt: skip
    rotate(log)
    with log.engines.write.connect() as connection:
        assert [period.generation for period in keys.periods(connection) if period.signs] == [2, 3]


def test_the_old_key_goes_on_until_the_new_one_signs_a_size_of_its_own(log: Log) -> None:
    log.keys = OWN
    log.grow(2)
    with log.engines.write.begin() as connection:
        record(connection, access(), outcome=Outcome.RELEASED, status=200)
        rotate(log)
        log.seal()
        assert signed_by(log.note()) == {OLD.verifier.id, NEW.verifier.id}
        with pytest.raises(KeyChangeError, match="signed nothing yet"):
            retire(log)
    log.seal()

    assert retire(log) == 4


def test_nothing_is_signed_over_what_a_key_signed_that_signs_no_more(log: Log) -> None:
    """An old key that was stolen can make a tree; the log does not go on from it."""
    log.keys = OWN
    log.grow(2)
    rotate(log)
    log.seal()
    retire(log)
    stolen = OLD.sign(read_checkpoint(log.note()).text())
    log.sql(REPLACE_NEWEST, note=stolen)

    with pytest.raises(RefusedError, match="does not hold"):
        log.seal()


@pytest.mark.parametrize("line", ["key", f"{OLD.verifier} from=x", f"{OLD.verifier} until=3 from=1", "from=3"])
def test_a_trust_file_is_read_whole_or_not_at_all(tmp_path: Path, line: str) -> None:
    (tmp_path / "trust").write_text(f"{NEW.verifier}\n{line}\n")

    with pytest.raises(NoteError, match="verifier key"):
        read_trust(tmp_path / "trust")
