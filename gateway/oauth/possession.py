"""When a caller must prove to hold a key: for a token to be bound to it (RFC 9449 §5, §10.1), and to use that (§7)."""

from flask import current_app, request

from gateway.http.problems import Problem
from gateway.oauth import challenges
from gateway.oauth.dpop import HEADER, NonceNeeded, ProofRefused, Proofs
from gateway.oauth.faults import InvalidProofError, UseNonceError
from gateway.oauth.tokens import BEARER, DPOP, AccessToken

BEARER_SCHEME, DPOP_SCHEME = BEARER.lower(), DPOP.lower()
SCHEMES = frozenset({BEARER_SCHEME, DPOP_SCHEME})


def proven_key(proofs: Proofs, *, needed: bool) -> str | None:
    """Return the thumbprint of the key whose proof came with a request to an OAuth endpoint.

    Nothing if none came; raise `InvalidProofError` if one is needed, or if it proves nothing, or `UseNonceError`.
    """
    text = request.headers.get(HEADER)
    if text is None and needed:
        raise InvalidProofError("Only tokens bound to a key are given to this client: send a DPoP proof.")
    if text is None:
        return None
    try:
        proof = proofs.read(text)
        proofs.spend(proof)
    except NonceNeeded as error:
        raise UseNonceError(str(error)) from error
    except ProofRefused as error:
        raise InvalidProofError(str(error)) from error
    return proof.thumbprint


def fault_of_possession(token: AccessToken, text: str, scheme: str) -> Problem | None:
    """Return why the sender of the current request may not use a token that is good; nothing where it may.

    `text` is the token as it was sent, `scheme` that of its header in lower case.
    """
    if scheme != token.type.lower():
        return challenges.wrong_scheme(token.type)
    if token.thumbprint is None:
        return None
    proofs: Proofs = current_app.extensions["oauth"].proofs
    try:
        proof = proofs.read(request.headers.get(HEADER, ""), access_token=text)
        if proof.thumbprint != token.thumbprint:
            return challenges.key_of_another()
        proofs.spend(proof)
    except NonceNeeded as error:
        return challenges.use_dpop_nonce(str(error))
    except ProofRefused as error:
        return challenges.invalid_dpop_proof(str(error))
    return None
