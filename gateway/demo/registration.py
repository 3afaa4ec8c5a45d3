"""The demo's partners in the registry: each with a client, campaigns where it has any, and models' sessions."""

from datetime import date, datetime

from joserfc.jwk import ECKey
from sqlalchemy import Connection

from gateway.demo.cast import COMPANIES, Company
from gateway.demo.credentials import Account, Credentials
from partners.registry import campaigns, clients, issuers, partners
from partners.registry.campaigns import Campaign
from partners.registry.partners import Partner
from partners.vocabulary import SCOPES_OF_KIND, PartnerKind, Status

SESSIONS = "https://sessions.demo.example"
CALLBACK = "http://127.0.0.1:8081/callback"


def register(connection: Connection, day: date, *, url: str, issuer: str, now: datetime) -> Credentials:
    """Register everybody; return what they hold."""
    accounts = {company.id: _register(connection, company, now) for company in COMPANIES}
    sessions = _new_key("sessions-1")
    studios = (accounts[company.id].client for company in COMPANIES if company.kind is PartnerKind.MODEL_CENTER)
    issuers.add(connection, SESSIONS, {"keys": [sessions.as_dict(private=False)]}, tuple(studios))
    return Credentials(day, url, issuer, accounts, SESSIONS, sessions.as_dict(private=True))


def is_registered(connection: Connection, credentials: Credentials) -> bool:
    """Whether the database knows the clients of these credentials."""
    known = {client.id for client in clients.every(connection)}
    return known >= {account.client for account in credentials.accounts.values()}


def wake(connection: Connection, credentials: Credentials) -> None:
    """Resume clients that lapsed while nobody looked at the demo."""
    for account in credentials.accounts.values():
        if clients.get(connection, account.client).status is Status.LAPSED:
            clients.resume(connection, account.client)


def anybody_registered(connection: Connection) -> bool:
    """Whether the database has partners already."""
    return bool(partners.every(connection))


def _register(connection: Connection, company: Company, now: datetime) -> Account:
    partners.add(
        connection,
        Partner(
            id=company.id,
            kind=company.kind,
            name=company.name,
            country=company.country,
            safeguard=company.safeguard,
            terms_accepted_at=now,
        ),
    )
    for code, name in company.campaigns.items():
        campaigns.add(connection, Campaign(company.id, code, name))
    # Only a model center signs here: its contract says so; a secret is easier to read in a demo.
    key = _new_key("studio-1") if company.kind is PartnerKind.MODEL_CENTER else None
    wanted = clients.Wanted(
        partner=company.id,
        jwks={"keys": [key.as_dict(private=False)]} if key else None,
        scopes=tuple(SCOPES_OF_KIND[company.kind]),
        redirect_uris=(CALLBACK,) if company.kind is PartnerKind.TRACKER else (),
    )
    made = clients.add(connection, wanted, now=now)
    return Account(made.client.id, made.secret, key.as_dict(private=True) if key else None)


def _new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})
