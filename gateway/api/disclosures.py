"""What members may know about disclosures, asked by the platform: who received what, and what a partner would see."""

from functools import partial
from typing import Any

from flask import Response, g

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import tools_of
from gateway.http.cursors import place_at, position_at
from gateway.http.envelope import answer
from gateway.http.paging import asked_alike, page_of
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.rights import RightsTransaction, members_rights
from gateway.runtime import runtime
from partners.access_log.disclosures import disclosures_of
from partners.access_log.policy_versions import policy_documents
from partners.members import require_member
from partners.vocabulary import Outcome, PartnerKind, Purpose, Scope
from serializers import previews
from serializers.disclosures import MODEL, DisclosuresQuery, PreviewQuery, disclosure
from serializers.policies import VERSION
from serializers.policy.recorded import Policies
from serializers.previews import Moment


def _guard(operation: str) -> Guard:
    return Guard(PartnerKind.PLATFORM, Scope.DISCLOSURES_READ, operation, Purpose.MEMBERS_RIGHTS, live=True)


READ_DISCLOSURES, PREVIEW = _guard("disclosures.read"), _guard("preview")

blueprint = ApiBlueprint("disclosures", __name__, url_prefix="/v1/platform")


@blueprint.route("/members/<member_id>/disclosures")
@guarded_by(READ_DISCLOSURES)
@blueprint.arguments(DisclosuresQuery, location="query")
def list_disclosures(caller: Caller, query: dict[str, Any], member_id: str) -> Response:
    """Who received which fields of this member, when and for what purpose, newest first (R46, R64)."""
    bound_to = asked_alike(READ_DISCLOSURES, caller, {"member": member_id})
    after = place_at(runtime().cursors.open(query.get("cursor"), bound_to=bound_to))
    with members_rights(READ_DISCLOSURES, caller) as work:
        number = require_member(work.connection, member_id, work.keyring).not_erased()
        rows = disclosures_of(work.connection, number, after=after, limit=query["limit"] + 1)
        policies = Policies(policy_documents(work.connection))
        work.record(number, outcome=Outcome.RELEASED if rows else Outcome.EMPTY)
    said, page = page_of(rows, query["limit"], position=lambda row: position_at(row.at, row.access), bound_to=bound_to)
    return answer({"data": [disclosure(row, policies) for row in said], "page": page})


@blueprint.route("/members/<member_id>/preview")
@guarded_by(PREVIEW)
@blueprint.arguments(PreviewQuery, location="query")
def preview_member(caller: Caller, query: dict[str, Any], member_id: str) -> Response:
    """What a partner would get about this member now, or null.

    `as=webmaster` is the webmaster who referred the member. `as=model:ID` is that model by a usual token: one without
    `cards.sensitive:read`. No partner receives anything, so this is no disclosure; it is on record all the same.
    """
    with members_rights(PREVIEW, caller) as work:
        number = require_member(work.connection, member_id, work.keyring).not_erased()
        seen = _seen(work, query["viewer"], number)
        outcome = Outcome.RELEASED if seen is not None else Outcome.EMPTY
        work.record(number, outcome=outcome, policy_version=VERSION)
    return answer({"data": seen, "meta": {"policy_version": VERSION}})


def _seen(work: RightsTransaction, viewer: str, number: int) -> dict[str, Any] | None:
    binding = runtime().settings.terms.binding(g.received_at)
    moment, tools = Moment(number, runtime().now(), binding), partial(tools_of, runtime())
    if viewer.startswith(MODEL):
        return previews.as_model(work.connection, viewer.removeprefix(MODEL), moment, tools)
    return previews.as_webmaster(work.connection, moment, tools)
