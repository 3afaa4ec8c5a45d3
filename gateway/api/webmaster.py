"""What webmasters pull: members they referred, and their own campaigns."""

from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.disclosure import Disclosing, release
from gateway.envelope import data
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded
from gateway.paging import released_page
from gateway.runtime import runtime
from partners.references import References
from partners.vocabulary import PartnerKind, Purpose, Scope
from serializers.policies import VERSION
from serializers.queries import MembersQuery, NoQuery
from serializers.statements import MEMBER_BY_REF
from serializers.walks import MembersWalk

blueprint = ApiBlueprint("webmaster", __name__, url_prefix="/v1/webmaster")


@blueprint.route("/members")
@guarded(PartnerKind.WEBMASTER, Scope.MEMBERS_READ, operation="members.list", purpose=Purpose.CAMPAIGNS)
@blueprint.arguments(MembersQuery, location="query")
def list_members(caller: Caller, query: dict[str, Any]) -> Response:
    """The members this webmaster referred."""
    return released_page(MembersWalk(query), Disclosing(caller, "members.list", Purpose.CAMPAIGNS))


@blueprint.route("/members/<ref>")
@guarded(PartnerKind.WEBMASTER, Scope.MEMBERS_READ, operation="members.get", purpose=Purpose.CAMPAIGNS)
@blueprint.arguments(NoQuery, location="query")
def get_member(caller: Caller, _query: dict[str, Any], ref: str) -> Response:
    """One member this webmaster referred."""
    reference = References(runtime().keyring).read(ref)
    meant = {
        "ref_partner": reference.partner if reference else None,
        "ref_member": reference.member if reference else None,
    }
    released = release(MEMBER_BY_REF, Disclosing(caller, "members.get", Purpose.CAMPAIGNS), meant)
    return data({"data": released.documents[0], "meta": {"policy_version": VERSION}})
