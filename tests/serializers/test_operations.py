"""Every operation that a record may name can be searched for."""

from partners.access_log import following, keys, pruning
from partners.access_log.disclosures import ENTERED_BY_HAND
from partners.vocabulary import RequestAction
from serializers.operations import OPERATIONS


def test_what_records_name_is_known() -> None:
    recorded = {following.PULLED, following.PUSHED, keys.ROTATED, keys.RETIRED, pruning.OPERATION, ENTERED_BY_HAND}

    assert recorded | {f"requests.{action}" for action in RequestAction} <= set(OPERATIONS)
