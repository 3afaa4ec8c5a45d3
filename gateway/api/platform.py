"""What the site that owns the members does for them: their privacy settings and their requests."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import Response, url_for

from gateway.api.arguments import ApiBlueprint
from gateway.api.bodies import MERGE_PATCH
from gateway.http.envelope import answer
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.rights import members_rights
from gateway.runtime import runtime
from partners.members import require_member
from partners.privacy import OPTING_OUT, PrivacyChange, privacy_of
from partners.rights.requests import Asked
from partners.rights.steps import Step
from partners.vocabulary import PartnerKind, Purpose, Reason, Scope
from serializers.platform import NewRequest, NextStep, PrivacyPatch, privacy_document, request_document
from serializers.queries import NoQuery


def _guard(operation: str) -> Guard:
    return Guard(PartnerKind.PLATFORM, Scope.PRIVACY_WRITE, operation, Purpose.MEMBERS_RIGHTS, live=True)


READ_PRIVACY, WRITE_PRIVACY = _guard("privacy.read"), _guard("privacy.write")
CREATE_REQUEST, READ_REQUESTS, MOVE_REQUEST = (_guard(f"requests.{what}") for what in ("create", "read", "move"))

blueprint = ApiBlueprint("platform", __name__, url_prefix="/v1/platform")


@blueprint.route("/members/<member_id>/privacy")
@guarded_by(READ_PRIVACY)
@blueprint.arguments(NoQuery, location="query")
def get_privacy(caller: Caller, _query: dict[str, Any], member_id: str) -> Response:
    """All settings of a member."""
    with members_rights(READ_PRIVACY, caller) as work:
        number = require_member(work.connection, member_id, work.keyring).not_erased()
        privacy = privacy_of(work.connection, number)
        work.record(number)
    return answer(privacy_document(privacy))


@blueprint.route("/members/<member_id>/privacy", methods=["PATCH"])
@guarded_by(WRITE_PRIVACY)
@blueprint.arguments(NoQuery, location="query")
@blueprint.arguments(PrivacyPatch, content_type=MERGE_PATCH)
def patch_privacy(caller: Caller, _query: dict[str, Any], change: PrivacyChange, member_id: str) -> Response:
    """Change settings (RFC 7396); the next request of any partner is answered by them (R21)."""
    with members_rights(WRITE_PRIVACY, caller) as work:
        number = require_member(work.connection, member_id, work.keyring, lock=True).not_erased()
        work.change_privacy(number, change)
        privacy = privacy_of(work.connection, number)
        for reason in _journalled(change) or (None,):
            work.record(number, reason=reason)
    return answer(privacy_document(privacy))


@blueprint.route("/members/<member_id>/requests", methods=["POST"])
@guarded_by(CREATE_REQUEST)
@blueprint.arguments(NoQuery, location="query")
@blueprint.arguments(NewRequest)
def create_request(caller: Caller, _query: dict[str, Any], asked: Asked, member_id: str) -> Response:
    """Enter a member's request."""
    with members_rights(CREATE_REQUEST, caller) as work:
        entered = work.desk(member_id).enter(asked, now=runtime().now())
        work.record(entered.member, status=HTTPStatus.CREATED, reason=entered.bound)
    response = answer(request_document(entered.request), HTTPStatus.CREATED)
    response.location = url_for(".get_request", member_id=member_id, request_id=entered.request.id)
    return response


@blueprint.route("/members/<member_id>/requests")
@guarded_by(READ_REQUESTS)
@blueprint.arguments(NoQuery, location="query")
def list_requests(caller: Caller, _query: dict[str, Any], member_id: str) -> Response:
    """All requests of a member, the last one entered first; also after an erasure."""
    with members_rights(READ_REQUESTS, caller) as work:
        requests, number = work.desk(member_id).read()
        work.record(number)
    return answer({"data": [request_document(request) for request in requests]})


@blueprint.route("/members/<member_id>/requests/<request_id>")
@guarded_by(READ_REQUESTS)
@blueprint.arguments(NoQuery, location="query")
def get_request(caller: Caller, _query: dict[str, Any], member_id: str, request_id: str) -> Response:
    """One request of a member; also after an erasure."""
    with members_rights(READ_REQUESTS, caller) as work:
        found = work.desk(member_id).read_one(request_id)
        work.record(found.member)
    return answer(request_document(found.request))


@blueprint.route("/members/<member_id>/requests/<request_id>", methods=["POST"])
@guarded_by(MOVE_REQUEST)
@blueprint.arguments(NoQuery, location="query")
@blueprint.arguments(NextStep)
def move_request(caller: Caller, _query: dict[str, Any], step: Step, member_id: str, request_id: str) -> Response:
    """Verify, extend, settle or refuse a request, or note that the member was told.

    What is done is on record by its action, such as `requests.verify`; only what is refused is `requests.move`.
    """
    with members_rights(replace(MOVE_REQUEST, operation=f"requests.{step.action}"), caller) as work:
        moved = work.desk(member_id).move(request_id, step, now=runtime().now())
        work.record(moved.member, reason=moved.bound)
    return answer(request_document(moved.request))


def _journalled(change: PrivacyChange) -> Sequence[Reason]:
    """What auditors look opt-outs up by; each has a record of its own."""
    told = change.of_member()
    return [reason for choice, reason in OPTING_OUT.items() if told.get(choice) is False]
