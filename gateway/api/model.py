"""What the model center fetches for a logged-in model: cards of members who have had to do with her."""

from typing import Any

from flask import Response
from partners.usernames import fold

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing, release
from gateway.envelope import data
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.runtime import runtime
from partners.keyring import Digest
from partners.vocabulary import PartnerKind, Purpose, Scope
from serializers.policies import VERSION
from serializers.queries import NoQuery
from serializers.statements import CARD_BY_USERNAME

CARD_GET = Guard(PartnerKind.MODEL_CENTER, Scope.CARDS_READ, "card.get", Purpose.PERSONAL_SERVICE, live=False)

blueprint = ApiBlueprint("model", __name__, url_prefix="/v1/model")


@blueprint.route("/members/<username>")
@guarded_by(CARD_GET)
@blueprint.arguments(NoQuery, location="query")
def get_card(caller: Caller, _query: dict[str, Any], username: str) -> Response:
    """The card of one member."""
    # PostgreSQL's texts cannot hold NUL, and no username does.
    key = fold(username).replace("\0", "\N{REPLACEMENT CHARACTER}")
    meant = {
        "username_key": key,
        "username_digest": runtime().keyring.digest(Digest.USERNAME, key),
        "caller_may_read_sensitive": Scope.CARDS_SENSITIVE_READ in caller.scopes,
    }
    released = release(CARD_BY_USERNAME, Disclosing(caller, CARD_GET), meant)
    return data({"data": released.documents[0], "meta": {"policy_version": VERSION}})
