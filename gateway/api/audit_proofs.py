"""What lets auditors hold the log to its word: its newest checkpoint, its key, and that it only ever grew."""

from http import HTTPStatus
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.auditing.looks import guard_of, look
from gateway.http.envelope import answer
from gateway.http.problems import Fault, invalid_request, not_found
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded_by
from gateway.runtime import runtime
from partners.access_log import stored_checkpoints
from partners.access_log.keys import DerivedKeys
from partners.access_log.proofs import prove_consistency
from partners.vocabulary import Outcome, Reason
from serializers.audit import ConsistencyQuery, hashes_as_text
from serializers.queries import NoQuery

blueprint = ApiBlueprint("audit_proofs", __name__, url_prefix="/v1/audit")


CHECKPOINT, CONSISTENCY, KEY = guard_of("audit.checkpoint"), guard_of("audit.consistency"), guard_of("audit.key")


@blueprint.route("/checkpoint")
@guarded_by(CHECKPOINT)
@blueprint.arguments(NoQuery, location="query")
def get_checkpoint(caller: Caller, _query: dict[str, Any]) -> Response:
    """The newest checkpoint: a signed note (C2SP tlog-checkpoint) of the log's name, size and root hash."""
    with runtime().database.write.begin() as connection:
        newest = stored_checkpoints.newest(connection)
        if newest is None:
            status = HTTPStatus.NOT_FOUND
            look(connection, CHECKPOINT, caller, outcome=Outcome.NOT_FOUND, status=status, reason=Reason.UNKNOWN)
        else:
            look(connection, CHECKPOINT, caller)
    if newest is None:
        raise not_found()
    return _text(newest.note)


@blueprint.route("/consistency")
@guarded_by(CONSISTENCY)
@blueprint.arguments(ConsistencyQuery, location="query")
def get_consistency(caller: Caller, query: dict[str, Any]) -> Response:
    """The proof (RFC 6962) that the log of `from` entries is the beginning of that of `to`: nothing was changed."""
    old, new = query["old"], query["new"]
    with runtime().database.write.begin() as connection:
        newest = stored_checkpoints.newest(connection)
        if newest is None or new > newest.size:
            raise invalid_request(Fault("invalid_value", "No checkpoint is as large yet.", parameter="to"))
        hashes = prove_consistency(connection, old, new)
        look(connection, CONSISTENCY, caller)
    return answer({"data": {"from": old, "to": new, "hashes": hashes_as_text(hashes)}})


@blueprint.route("/key")
@guarded_by(KEY)
@blueprint.arguments(NoQuery, location="query")
def get_key(caller: Caller, _query: dict[str, Any]) -> Response:
    """The key that verifies checkpoints (C2SP vkey), the newest that signs.

    Keep it: one that comes together with the log proves nothing.
    """
    keys = DerivedKeys(runtime().keyring, runtime().settings.log_origin)
    with runtime().database.write.begin() as connection:
        newest, *_ = keys.signing(connection).signers
        look(connection, KEY, caller)
    return _text(f"{newest.verifier}\n")


def _text(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")
