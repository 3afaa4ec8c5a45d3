"""What webmasters pull: members they referred, and their own campaigns."""

from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing, answer, release
from gateway.http.envelope import data
from gateway.http.paging import purchases_page, purchases_walk
from gateway.http.streaming import listed, released_list
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.runtime import runtime
from partners.registry import campaigns
from partners.vocabulary import PartnerKind, Purpose, Scope, Work
from serializers.answers import Campaign
from serializers.policies import VERSION
from serializers.queries import CampaignsQuery, MembersQuery, NoQuery, PurchasesQuery
from serializers.statements import MEMBER_BY_REF, MemberRow, PurchaseRow
from serializers.walks import MembersWalk


def _guard(operation: str, purpose: Purpose, *, streams: bool = False) -> Guard:
    return Guard(
        PartnerKind.WEBMASTER,
        Scope.MEMBERS_READ,
        operation,
        purpose,
        live=False,
        work=Work.MEMBERS,
        streams=streams,
    )


MEMBERS_LIST = _guard("members.list", Purpose.CAMPAIGNS, streams=True)
MEMBERS_GET = _guard("members.get", Purpose.CAMPAIGNS)
PURCHASES_LIST = _guard("purchases.list", Purpose.INCOME, streams=True)
CAMPAIGNS_LIST = Guard(
    PartnerKind.WEBMASTER,
    Scope.STATS_READ,
    "campaigns.list",
    Purpose.CAMPAIGNS,
    live=False,
    or_scope=Scope.MEMBERS_READ,
    work=Work.STATS,
    for_tools=True,
)

blueprint = ApiBlueprint("webmaster", __name__, url_prefix="/v1/webmaster")


@blueprint.route("/members")
@guarded_by(MEMBERS_LIST)
@blueprint.arguments(MembersQuery, location="query")
def list_members(caller: Caller, query: dict[str, Any]) -> Response:
    """The members this webmaster referred, page by page or as lines."""
    return released_list(MembersWalk(query), Disclosing(caller, MEMBERS_LIST), MemberRow)


@blueprint.route("/members/<ref>")
@guarded_by(MEMBERS_GET)
@blueprint.arguments(NoQuery, location="query")
def get_member(caller: Caller, _query: dict[str, Any], ref: str) -> Response:
    """One member this webmaster referred."""
    reference = runtime().references.read(ref)
    meant = {
        "ref_partner": reference.partner if reference else None,
        "ref_member": reference.member if reference else None,
    }
    released = release(MEMBER_BY_REF, Disclosing(caller, MEMBERS_GET), meant)
    return data({"data": released.documents[0], "meta": {"policy_version": VERSION}})


@blueprint.route("/purchases")
@guarded_by(PURCHASES_LIST)
@blueprint.arguments(PurchasesQuery, location="query")
def list_purchases(caller: Caller, query: dict[str, Any]) -> Response:
    """The purchases and reversals of the members this webmaster referred, newest first or on from a watermark."""
    walk, disclosing = purchases_walk(query, caller), Disclosing(caller, PURCHASES_LIST)
    return released_list(walk, disclosing, PurchaseRow, paged=lambda *_: purchases_page(walk, disclosing))


@blueprint.route("/campaigns")
@guarded_by(CAMPAIGNS_LIST)
@blueprint.arguments(CampaignsQuery, location="query")
def list_campaigns(caller: Caller, _query: dict[str, Any]) -> Response:
    """The webmaster's own campaigns."""
    disclosing = Disclosing(caller, CAMPAIGNS_LIST)
    rows = answer(campaigns.LISTING, disclosing, {})
    return listed([{"code": code, "name": name} for code, name in campaigns.listed(rows)], disclosing, Campaign)
