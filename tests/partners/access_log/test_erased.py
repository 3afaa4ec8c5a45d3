"""After an erasure the log is as whole as before, and leads to nobody (R45)."""

from base64 import b64encode

from partners.access_log import search
from partners.access_log.merkle import leaf_hash
from partners.access_log.proofs import check_proof, prove_inclusion
from partners.access_log.search import Search
from partners.access_log.trust import Trust
from partners.keyring import Keyring
from partners.rights.erasure import carry_out
from tests.conftest import NOW
from tests.factories import add_member
from tests.partners.access_log.logs import Log

ID, USERNAME = "canary-of-the-erased", "erased_canary"


def test_every_proof_stands_and_nobody_is_found(log: Log, keyring: Keyring) -> None:
    with log.engines.write.begin() as connection:
        number = add_member(connection, ID, username=USERNAME)
    log.add(1, members=(number,))
    log.add_in_bulk({number: 0, number + 1: 0})
    log.seal()
    with log.engines.write.connect() as connection:
        (entry, _) = search.find(connection, Search(member=search.member_number(connection, ID)), limit=10)
        leaf = search.get(connection, entry.id).leaf  # type: ignore[union-attr]
        assert entry.members == [ID]
        inclusion = prove_inclusion(connection, entry.sealed_index, leaf_hash(leaf))
    assert inclusion is not None
    proof, witness = inclusion.file(bytes(leaf)), log.witness(log.note())

    with log.engines.write.begin() as connection:
        carry_out(connection, number, keyring, NOW)
    log.grow(1)

    trust = Trust([log.signer.verifier])
    assert log.verify(witness) == []
    assert check_proof(proof, trust, None)[2] == leaf
    with log.engines.write.connect() as connection:
        assert search.member_number(connection, ID) is None
        entries = search.find(connection, Search(), limit=10)
        # The count stays, and whom it counted cannot be told any more.
        assert sorted(each.member_count for each in entries) == [1, 2, 2]
        assert [each.members for each in entries if each.member_count == 1] == [[]]
        said = b"\n".join(search.get(connection, each.id).leaf for each in entries)  # type: ignore[union-attr]
    assert not [each for each in (ID, USERNAME) if each.encode() in said or b64encode(each.encode()) in said]
