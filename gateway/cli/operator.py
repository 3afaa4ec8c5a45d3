"""An operator at the machine, as the access log knows one."""

from datetime import datetime

from partners.access_log.append import Access
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from partners.vocabulary import Purpose


def access_by_operator(at: datetime, operation: str) -> Access:
    """An operator at the machine is no partner: nothing says who it was but that it was done here."""
    return Access(
        at=at,
        request_id=public(REQUEST_PREFIX, new_id(at)),
        ip=None,
        audience=None,
        partner=None,
        client=None,
        model=None,
        operation=operation,
        purpose=Purpose.SECURITY,
    )
