"""What fits a partner's kind: how its clients may prove who they are, and what they may ask for (contract §1)."""

from collections.abc import Collection, Sequence

from partners.registry import RegistryError
from partners.vocabulary import SCOPES_GIVEN_ONLY_WHEN_ASKED, SCOPES_OF_KIND, AuthMethod, PartnerKind, Scope


def auth_method(asked: AuthMethod | None, kind: PartnerKind, *, by_keys: bool) -> AuthMethod:
    """Return how a client is to authenticate; raise `RegistryError` if that does not fit its kind or its keys."""
    method = asked or (AuthMethod.PRIVATE_KEY_JWT if by_keys else AuthMethod.CLIENT_SECRET_BASIC)
    if kind is PartnerKind.MODEL_CENTER and method is not AuthMethod.PRIVATE_KEY_JWT:
        raise RegistryError("a model center's client signs with its own keys: give its public ones as a JWK set")
    if by_keys != (method is AuthMethod.PRIVATE_KEY_JWT):
        raise RegistryError("a JWK set belongs to private_key_jwt, and private_key_jwt needs one")
    return method


def scopes(asked: Collection[str], kind: PartnerKind) -> tuple[Scope, ...]:
    """Return the scopes asked for, or without any those that are given unasked, in the order of the contract."""
    given: Sequence[Scope] = [scope for scope in SCOPES_OF_KIND[kind] if scope not in SCOPES_GIVEN_ONLY_WHEN_ASKED]
    return checked_scopes(asked or given, kind)


def checked_scopes(asked: Collection[str], kind: PartnerKind) -> tuple[Scope, ...]:
    """Return scopes in the order of the contract; raise `RegistryError` if the kind cannot hold one of them."""
    possible = SCOPES_OF_KIND[kind]
    unfit = sorted(set(asked) - set(possible))
    if unfit:
        raise RegistryError(f"a {kind} cannot hold {unfit[0]}; it may hold {', '.join(possible)}")
    return tuple(scope for scope in possible if scope in asked)
