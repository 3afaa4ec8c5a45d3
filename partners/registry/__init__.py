"""Who may call: partners, their clients, secrets and keys, session issuers, and the gateway's own signing keys."""


class RegistryError(Exception):
    """What was asked of the registry cannot be done; the message says why, in words for an operator."""
