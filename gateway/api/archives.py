"""What access, portability and requests to know produce: the member's archive (contract §5)."""

from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.archiving import archive_of
from gateway.http import patience
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.rights import members_rights
from gateway.runtime import runtime
from partners.vocabulary import PartnerKind, Purpose, Scope
from serializers.queries import NoQuery

READ_ARCHIVE = Guard(PartnerKind.PLATFORM, Scope.PRIVACY_WRITE, "requests.archive", Purpose.MEMBERS_RIGHTS, live=True)

blueprint = ApiBlueprint("archives", __name__, url_prefix="/v1/platform")


@blueprint.route("/members/<member_id>/requests/<request_id>/archive")
@guarded_by(READ_ARCHIVE)
@blueprint.arguments(NoQuery, location="query")
def get_archive(caller: Caller, _query: dict[str, Any], member_id: str, request_id: str) -> Response:
    """Everything the gateway holds about a member, and every disclosure, as JSON and CSV in a zip (R46, R57).

    Of a settled request for `access`, `portability` or `know`; as of now, for `know` twelve months back.
    """
    patience.search()
    with members_rights(READ_ARCHIVE, caller) as work:
        archive = archive_of(work, member_id, request_id, runtime().now())
        work.record(archive.member)
    return archive.response()
