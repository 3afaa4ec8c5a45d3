"""A registered client as Authlib asks for it."""

from authlib.oauth2.rfc6749 import ClientMixin

from partners.registry import addresses
from partners.registry.credentials import Registration
from partners.vocabulary import SCOPES_GIVEN_ONLY_WHEN_ASKED, PartnerKind, Scope

CLIENT_CREDENTIALS = "client_credentials"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant's name
CODE = "code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name (RFC 8693)
GRANTS_OF_KIND: dict[PartnerKind, tuple[str, ...]] = {
    PartnerKind.WEBMASTER: (CLIENT_CREDENTIALS,),
    PartnerKind.TRACKER: (AUTHORIZATION_CODE, REFRESH_TOKEN),
    PartnerKind.MODEL_CENTER: (CLIENT_CREDENTIALS, TOKEN_EXCHANGE),
    PartnerKind.PLATFORM: (CLIENT_CREDENTIALS,),
    PartnerKind.AUDITOR: (CLIENT_CREDENTIALS,),
}


class RegisteredClient(ClientMixin):
    """A client that has proved who it is, or is about to."""

    def __init__(self, registration: Registration) -> None:
        """Wrap what the registry knows."""
        self.registration = registration
        self.thumbprint: str | None = None
        """Of the key that it has proved to hold, for its tokens to be bound to (RFC 9449 §5)."""

    def get_client_id(self) -> str:
        """The `client_id`."""
        return self.registration.client

    def get_default_redirect_uri(self) -> str:
        """Nothing: a redirect URI is always named."""
        return ""

    def get_allowed_scope(self, scope: str | None) -> str | None:  # type: ignore[override]
        """Return what is granted of what was asked: all of it, or `None` for `invalid_scope`; never a part."""
        held = self.registration.scopes
        if not scope:
            asked = [held_scope.value for held_scope in held if held_scope not in SCOPES_GIVEN_ONLY_WHEN_ASKED]
        else:
            asked = scope.split(" ")
        granted = {Scope(name) for name in asked if name in set(held)}
        if not granted or len(granted) < len(set(asked)):
            return None
        return " ".join(dict.fromkeys(asked))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Hold for the registered ones, compared byte by byte."""
        return addresses.is_registered(redirect_uri, self.registration.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:  # noqa: ARG002 - Authlib's signature
        """Refuse: secrets are compared in `gateway.oauth.authentication` alone."""
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - Authlib's signature
        """Hold for the one registered method, at every endpoint."""
        return method == self.registration.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Hold for a code, where the partner's kind has that grant."""
        return response_type == CODE and self.check_grant_type(AUTHORIZATION_CODE)

    def check_grant_type(self, grant_type: str) -> bool:
        """Hold for the grants of the partner's kind."""
        return grant_type in self.grants

    @property
    def grants(self) -> tuple[str, ...]:
        """The grants of the partner's kind."""
        return GRANTS_OF_KIND[self.registration.kind]
