"""How often somebody may try: counted by account and source network, so that no stranger locks the owner out."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import ip_network

from gateway.account.pages import PageError, note
from gateway.http import limits
from gateway.http.limits import Allowance
from gateway.oauth.address import caller_address
from gateway.runtime import runtime
from partners.people import passwords
from partners.vocabulary import Outcome, Work

_PREFIX = {4: 24, 6: 56}
"""What one source may have at its disposal, by version of the protocol."""


@contextmanager
def counted(operation: str, account: str) -> Iterator[None]:
    """Count an attempt that has its turn; answer and record it as one too many where the network has tried too often.

    A network's attempts under all names are limited as requests for tokens are: each costs a slow hash. Who is limited
    takes nobody's turn, and who has none, `TooManyPasswordsError`, may try again as often as before.
    """
    _ask(operation, account, Allowance.require)
    with passwords.turn():
        _ask(operation, account, Allowance.spend)
        yield


def _ask(operation: str, account: str, ask: Callable[[Allowance], None]) -> None:
    # A name is what a stranger typed: of any length, and not for a key in the clear.
    digest = hashlib.sha256(account.encode(errors="surrogatepass")).hexdigest()
    try:
        ask(limits.allowance(Work.TOKEN, client=f"people {_network()}", partner=None))
        ask(limits.allowance(Work.SIGN_IN, client=f"{digest} {_network()}", partner=None))
    except limits.LimitReachedError:
        with runtime().database.write.begin() as connection:
            note(connection, operation, None, Outcome.LIMITED, status=HTTPStatus.TOO_MANY_REQUESTS)
        raise PageError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many attempts",
            "There were too many attempts from your network. Try again later, or from another network.",
            retry_after=limits.retry_after(),
        ) from None


def _network() -> str:
    address = caller_address()
    if address is None:
        return ""
    prefix = _PREFIX[6 if ":" in address else 4]
    return str(ip_network(f"{address}/{prefix}", strict=False))
