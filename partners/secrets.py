"""Secrets of 256 random bits: what is stored of those that are shown to us, and those that sign what we send."""

import hashlib
import secrets
from base64 import b64encode
from datetime import timedelta

DEFAULT_OVERLAP = timedelta(days=14)
"""How long the former of two works beside the new one, unless an operator says otherwise."""
WEBHOOK_PREFIX = "whsec_"
"""With which Standard Webhooks begin every secret."""


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret. A slow hash adds nothing to 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def for_webhooks() -> str:
    """Return a new secret as Standard Webhooks write one."""
    return WEBHOOK_PREFIX + b64encode(secrets.token_bytes(32)).decode()
