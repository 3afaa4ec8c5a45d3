"""Errors of the OAuth endpoints: the true reason is for the access log, the answer tells no more than it must."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)

from gateway.oauth.clients import RegisteredClient
from partners.vocabulary import Reason

CLIENT_REFUSED = (
    "Client authentication failed: unknown client, another method than the registered one, bad credentials, "
    "or an assertion that is expired, was used before or is not addressed to this issuer."
)
"""One text for every cause: which one it was, the access log tells."""


class ClientRefused(InvalidClientError):
    """The client did not prove who it is, or may have no token now."""

    def __init__(self, reason: Reason, client: RegisteredClient | None = None) -> None:
        """Take the true reason and, where it exists, the client that was claimed."""
        super().__init__(CLIENT_REFUSED, status_code=401)
        self.reason = reason
        self.client = client


class SubjectRefused(InvalidRequestError):
    """The `subject_token` of a token exchange does not tell a registered model's live session."""

    def __init__(self, reason: Reason, description: str) -> None:
        """Take the true reason and the public text."""
        super().__init__(description)
        self.reason = reason


class GrantNotHeld(UnauthorizedClientError):
    """The client proved who it is, but its kind has no such grant."""

    def __init__(self, client: RegisteredClient) -> None:
        """Name the grants that it has."""
        super().__init__(f"This grant is not the client's, which has {' and '.join(client.grants)} alone.")


class GrantRefused(InvalidGrantError):
    """The code or refresh token presented is worth nothing to this client now."""

    def __init__(self) -> None:
        """Say so in one text for every cause."""
        super().__init__(
            "The code or refresh token is unknown, expired, used or withdrawn, or belongs to another client, "
            "redirect_uri, code_verifier or DPoP key."
        )
        self.reason = Reason.INVALID_TOKEN


class Replayed(InvalidGrantError):
    """A code or refresh token was presented again: its whole family has ended, which is on record already."""

    def __init__(self) -> None:
        """Say no more than of any other."""
        super().__init__(GrantRefused().description)


class TokenOfAnother(InvalidGrantError):
    """A client wants to revoke a token that was issued to another (RFC 7009 §2.1)."""

    def __init__(self) -> None:
        """Say so: whoever holds a token can read that in it anyway."""
        super().__init__("The token was issued to another client.")
        self.reason = Reason.INVALID_TOKEN


class InvalidProofError(OAuth2Error):
    """The DPoP proof is missing where it must be there, or is no good (RFC 9449 §5)."""

    error = "invalid_dpop_proof"
    reason = Reason.INVALID_TOKEN


class UseNonceError(OAuth2Error):
    """The DPoP proof needs the nonce that the answer brings along (RFC 9449 §8)."""

    error = "use_dpop_nonce"
    reason = Reason.INVALID_TOKEN


_WITH_REASON = ClientRefused | SubjectRefused | GrantRefused | TokenOfAnother | InvalidProofError | UseNonceError


def reason_of(error: OAuth2Error) -> Reason | None:
    """The reason to record; nothing for a request that was merely malformed."""
    if isinstance(error, _WITH_REASON):
        return error.reason
    if isinstance(error, InvalidScopeError | UnauthorizedClientError):
        return Reason.INSUFFICIENT_SCOPE
    return None
