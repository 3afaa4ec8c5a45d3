"""What the model center fetches for a logged-in model: cards of members who have had to do with her."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing, release
from gateway.http.envelope import data
from gateway.http.paging import released_page
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.runtime import runtime
from partners.keyring import Digest
from partners.usernames import fold
from partners.vocabulary import PartnerKind, Purpose, Scope, Work
from serializers.policies import VERSION
from serializers.queries import CardsBatch, CardsQuery, NoQuery, SpendingQuery
from serializers.statements import CARD_BY_USERNAME, CARDS_BY_USERNAME
from serializers.walks import CardsWalk, SpendingWalk


def _guard(operation: str) -> Guard:
    return Guard(
        PartnerKind.MODEL_CENTER, Scope.CARDS_READ, operation, Purpose.PERSONAL_SERVICE, live=False, work=Work.CARDS
    )


CARD_GET, CARD_BATCH, CARD_LIST = _guard("card.get"), _guard("card.batch"), _guard("card.list")
CARD_SPENDING = _guard("card.spending")

blueprint = ApiBlueprint("model", __name__, url_prefix="/v1/model")


@blueprint.route("/members/<username>")
@guarded_by(CARD_GET)
@blueprint.arguments(NoQuery, location="query")
def get_card(caller: Caller, _query: dict[str, Any], username: str) -> Response:
    """The card of one member."""
    released = release(CARD_BY_USERNAME, Disclosing(caller, CARD_GET), _card_meant(caller, username))
    return data({"data": released.documents[0], "meta": {"policy_version": VERSION}})


@blueprint.route("/members/<username>/spending")
@guarded_by(CARD_SPENDING)
@blueprint.arguments(SpendingQuery, location="query")
def list_spending(caller: Caller, query: dict[str, Any], username: str) -> Response:
    """A member's spending with this model, line by line, newest first."""
    walk = SpendingWalk(query, _look_up(username), _card_meant(caller, username))
    return released_page(walk, Disclosing(caller, CARD_SPENDING))


@blueprint.route("/members")
@guarded_by(CARD_LIST)
@blueprint.arguments(CardsQuery, location="query")
def list_cards(caller: Caller, query: dict[str, Any]) -> Response:
    """Cards by username in the order asked, or by relation page by page."""
    if "username" in query:
        return _cards_of(caller, query["username"])
    walk = CardsWalk(query, may_read_sensitive=_may_read_sensitive(caller))
    return released_page(walk, Disclosing(caller, CARD_LIST))


@blueprint.route("/members/batch", methods=["POST"])
@guarded_by(CARD_BATCH)
@blueprint.arguments(NoQuery, location="query")
@blueprint.arguments(CardsBatch)
def batch_cards(caller: Caller, _query: dict[str, Any], batch: dict[str, Any]) -> Response:
    """Cards by username in the order asked, each once; the unknown are absent."""
    return _cards_of(caller, batch["usernames"])


def _cards_of(caller: Caller, usernames: Sequence[str]) -> Response:
    keys = list(dict.fromkeys(_look_up(username) for username in usernames))
    meant = {
        "username_keys": keys,
        "limit": len(keys),
        "caller_may_read_sensitive": _may_read_sensitive(caller),
    }
    released = release(CARDS_BY_USERNAME, Disclosing(caller, CARD_BATCH), meant, limit=len(keys))
    page = {"next_cursor": None, "has_more": False}
    return data({"data": released.documents, "page": page, "meta": {"policy_version": VERSION}})


def _card_meant(caller: Caller, username: str) -> dict[str, Any]:
    key = _look_up(username)
    return {
        "username_key": key,
        "username_digest": runtime().keyring.digest(Digest.USERNAME, key),
        "caller_may_read_sensitive": _may_read_sensitive(caller),
    }


def _may_read_sensitive(caller: Caller) -> bool:
    return Scope.CARDS_SENSITIVE_READ in caller.scopes


def _look_up(username: str) -> str:
    # PostgreSQL's texts cannot hold NUL, and no username does.
    return fold(username).replace("\0", "\N{REPLACEMENT CHARACTER}")
