"""Passwords: argon2id, at a cost that a sign-in can bear and a guesser cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = BoundedSemaphore(2)
_AT_ONCE_OR_SOON = BoundedSemaphore(4)
"""Two wait at most, whoever tries how many passwords at once: half a worker's threads are left to everything else."""
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$BwSX9RRkDPoMl8bobLuOKw$iIu2iwt9AkrjM2emJ9ovrM277ayEuGuF7IU/fv7BgqU"
"""A hash that no password has: an unknown name costs what a known one does."""


class TooManyPasswordsError(Exception):
    """More passwords at once than are looked at; this one has no turn."""


def fault_of(password: str, name: str) -> str | None:
    """Say what is wrong with a new password for the account of this name, or nothing."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The password needs {SHORTEST} to {LONGEST} characters; a sentence is easy to remember."
    if name in password.lower() or len(set(password)) < SHORTEST // 2:
        return "That password is easily guessed; choose one without your name and with more different characters."
    return None


def hash_of(password: str) -> str:
    """Return what is stored of a password."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Hold if the password is the one stored; nothing stored costs the same time."""
    with _AT_ONCE:
        try:
            _HASHER.verify(stored or _NOBODYS, password[:LONGEST])
        except (VerificationError, InvalidHashError, UnicodeError):
            return False
    return stored is not None


@contextmanager
def turn() -> Iterator[None]:
    """Keep a place for somebody's password, to be looked at now or soon; raise `TooManyPasswordsError`."""
    if not _AT_ONCE_OR_SOON.acquire(blocking=False):
        raise TooManyPasswordsError
    try:
        yield
    finally:
        _AT_ONCE_OR_SOON.release()
