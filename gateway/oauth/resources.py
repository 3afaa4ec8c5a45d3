"""Resource indicators (RFC 8707): for whom a token is asked. There is one resource, the gateway itself."""

from collections.abc import Sequence

from authlib.oauth2 import OAuth2Error

from gateway.oauth.uris import place_of

RESOURCE, AUDIENCE = "resource", "audience"


class InvalidTargetError(OAuth2Error):
    """A token was asked for another audience than this gateway (RFC 8693 §2.2.2, RFC 8707 §2)."""

    error = "invalid_target"


def check_resources(asked: Sequence[str], issuer: str) -> None:
    """Refuse a token for anybody else; however the gateway's address is spelt, the token's `aud` is the issuer."""
    for resource in filter(None, asked):
        # A query or fragment would name something else than the whole gateway.
        if {"?", "#"} & set(resource) or place_of(resource) != place_of(issuer):
            raise InvalidTargetError("Tokens are issued for this gateway only; as resource name its issuer, or none.")
