"""One-time codes of an authenticator app (TOTP, RFC 6238), each accepted once."""

from datetime import datetime

import pyotp

STEP_S = 30
TOLERATED_STEPS = 1
"""Before and after the present one: clocks of phones differ."""


def new_secret() -> str:
    """Return a secret of 160 random bits, as an app takes it."""
    return pyotp.random_base32()


def address_of(secret: str, *, name: str, issuer: str) -> str:
    """The `otpauth:` address that an app reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def code_at(secret: str, now: datetime) -> str:
    """Return the code that an app shows at an instant."""
    return pyotp.TOTP(secret).at(int(now.timestamp()))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, near `now`; nothing for a wrong one."""
    typed = "".join(code.split())
    present = int(now.timestamp()) // STEP_S
    steps = range(present - TOLERATED_STEPS, present + TOLERATED_STEPS + 1)
    codes = pyotp.TOTP(secret)
    fitting = [step for step in steps if pyotp.utils.strings_equal(codes.generate_otp(step), typed)]
    return max(fitting, default=None)
