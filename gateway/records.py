"""From the current request to its record in the access log."""

from datetime import datetime

from flask import g

from gateway.oauth.address import caller_address
from gateway.oauth.caller import Caller
from partners.access_log.append import Access
from partners.vocabulary import Purpose


def access_of(
    operation: str,
    purpose: Purpose,
    caller: Caller | None = None,
    policy_version: str | None = None,
    *,
    at: datetime | None = None,
) -> Access:
    """Describe the current request for the access log; `caller` is unknown where no token was accepted.

    `at` is for what happens well after the request arrived, such as a stream's next chunk.
    """
    return Access(
        at=at or g.received_at,
        request_id=g.request_id,
        ip=caller_address(),
        audience=caller.audience if caller else None,
        partner=caller.partner if caller else None,
        client=caller.client if caller else None,
        model=caller.model if caller else None,
        operation=operation,
        purpose=purpose,
        policy_version=policy_version,
    )
