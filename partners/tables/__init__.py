"""The tables, by subject. Every column says in its `info` what it is; a test refuses one that does not."""

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def shared(rule: str) -> dict[str, str]:
    """A value that a policy may disclose, under the named rule."""
    return {"class": "shared", "rule": rule}


def personal(kept: str) -> dict[str, str]:
    """A value about a member that no partner ever receives; `kept` says for how long it stays."""
    return {"class": "personal", "kept": kept}


def internal() -> dict[str, str]:
    """A value that is not about a member: keys, states, partners' own data."""
    return {"class": "internal"}
