"""The registry keeps partners, clients, secrets and issuers, and refuses what does not fit the partner's kind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import Connection, func, select

from partners.postgres.database import Database
from partners.registry import RegistryError, campaigns, clients, credentials, issuers, partners, tokens
from partners.registry.campaigns import Campaign
from partners.registry.clients import Wanted
from partners.registry.partners import Partner
from partners.tables.partner import client, client_secret, denied_token, spent_assertion
from partners.vocabulary import AuthMethod, PartnerKind, Status
from tests.factories import add_client, add_partner

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
KEYS = {"keys": [dict(ECKey.generate_key("P-256", {"kid": "1"}).as_dict(private=False))]}


@pytest.fixture
def connection(module_db: Database) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with module_db.write.connect() as opened:
        yield opened


def _partner(identifier: str = "w1", kind: PartnerKind = PartnerKind.WEBMASTER, **more: Any) -> Partner:
    return Partner(id=identifier, kind=kind, name="Name", terms_accepted_at=NOW, **more)


def test_a_partner_is_stored_as_given(connection: Connection) -> None:
    added = partners.add(connection, _partner(country="us", safeguard="SCC-2021"))

    assert partners.get(connection, "w1") == added
    assert partners.every(connection) == [added]
    assert (added.country, added.status) == ("US", Status.ACTIVE)


@pytest.mark.parametrize(
    "unfit",
    [
        {"identifier": ""},
        {"identifier": "a b"},
        {"identifier": "a/b"},
        {"identifier": "x" * 65},
        {"identifier": "é"},
        {"identifier": "w1\n"},
        {"country": "XX"},
        {"country": "Luxembourg"},
        {"safeguard": " "},
        {"safeguard": "a\x00"},
    ],
)
def test_unfit_partners_are_refused(connection: Connection, unfit: dict[str, Any]) -> None:
    with pytest.raises(RegistryError):
        partners.add(connection, _partner(**unfit))


def test_ids_are_unique_across_kinds(connection: Connection) -> None:
    partners.add(connection, _partner())
    with pytest.raises(RegistryError, match="unique across kinds"):
        partners.add(connection, _partner(kind=PartnerKind.AUDITOR))


@pytest.mark.parametrize(
    ("before", "change", "killed"),
    [
        ({}, {"name": "Other"}, False),
        ({}, {"terms_accepted_at": None}, True),
        ({}, {"country": "US"}, True),
        ({}, {"country": "FR"}, False),
        ({"country": "US", "safeguard": "SCC"}, {"safeguard": None}, True),
        ({"country": "US", "safeguard": "SCC"}, {"country": "LU", "safeguard": None}, False),
        ({"country": "US"}, {"safeguard": "SCC"}, False),
    ],
)
def test_what_a_partner_loses_its_tokens_lose_too(
    connection: Connection, before: dict[str, Any], change: dict[str, Any], killed: bool
) -> None:
    held = partners.add(connection, _partner(**before))
    clients.add(connection, Wanted("w1"), now=NOW)

    partners.change(connection, Partner(**(vars(held) | change)))

    assert connection.execute(select(client.c.version)).scalar_one() == (2 if killed else 1)


def test_suspending_twice_and_resuming_raises_the_version_once_each(connection: Connection) -> None:
    partners.add(connection, _partner())
    clients.add(connection, Wanted("w1"), now=NOW)
    versions = []
    for act in (partners.suspend, partners.suspend, partners.resume, partners.resume):
        act(connection, "w1")
        versions.append(connection.execute(select(client.c.version)).scalar_one())

    assert versions == [2, 2, 3, 3]


def test_unknown_names_are_said(connection: Connection) -> None:
    for act in (
        lambda: partners.suspend(connection, "nobody"),
        lambda: clients.suspend(connection, "cl_none"),
        lambda: clients.add(connection, Wanted("nobody"), now=NOW),
        lambda: clients.every(connection, "nobody"),
        lambda: campaigns.add(connection, Campaign("nobody", "spring", "Spring")),
    ):
        with pytest.raises(RegistryError, match="there is no"):
            act()


def test_campaigns_belong_to_webmasters_and_have_codes_of_their_own(connection: Connection) -> None:
    partners.add(connection, _partner())
    partners.add(connection, _partner("w2"))
    partners.add(connection, _partner("site", PartnerKind.PLATFORM))
    campaigns.add(connection, Campaign("w1", "spring", "Spring"))
    campaigns.add(connection, Campaign("w2", "spring", "Spring"))

    for unfit in (
        Campaign("w1", "spring", "Again"),
        Campaign("site", "spring", "Spring"),
        Campaign("w1", "a b", "Spring"),
        Campaign("w1", "autumn", " "),
    ):
        with pytest.raises(RegistryError):
            campaigns.add(connection, unfit)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (PartnerKind.WEBMASTER, {"scopes": ("cards:read",)}),
        (PartnerKind.WEBMASTER, {"scopes": ("nonsense",)}),
        (PartnerKind.WEBMASTER, {"auth_method": AuthMethod.PRIVATE_KEY_JWT}),
        (PartnerKind.WEBMASTER, {"auth_method": AuthMethod.CLIENT_SECRET_BASIC, "jwks": KEYS}),
        (PartnerKind.WEBMASTER, {"jwks": {"keys": []}}),
        (PartnerKind.WEBMASTER, {"allowed_networks": ("10.0.0.1/8",)}),
        (PartnerKind.WEBMASTER, {"allowed_networks": ("example.com",)}),
        (PartnerKind.WEBMASTER, {"redirect_uris": ("https://a.example/",)}),
        (PartnerKind.MODEL_CENTER, {}),
        (PartnerKind.MODEL_CENTER, {"auth_method": AuthMethod.CLIENT_SECRET_BASIC}),
        (PartnerKind.TRACKER, {}),
        *(
            (PartnerKind.TRACKER, {"redirect_uris": (uri,)})
            for uri in (
                "http://a.example/",
                "https://a.example/#x",
                "https://a.example/#",
                "https://user@a.example/",
                "javascript:alert(1)",
                "https:///path",
                "https://[",
                'https://a.example/"',
                "https://a.example/é",
                "/relative",
            )
        ),
    ],
)
def test_unfit_clients_are_refused(connection: Connection, kind: PartnerKind, wanted: dict[str, Any]) -> None:
    partners.add(connection, _partner(kind=kind))
    with pytest.raises(RegistryError):
        clients.add(connection, Wanted("w1", **wanted), now=NOW)


def test_a_client_is_stored_as_asked(connection: Connection) -> None:
    partners.add(connection, _partner("t1", PartnerKind.TRACKER))
    uris = ("https://a.example/back?x=1", "http://127.0.0.1:9000/back")
    wanted = Wanted("t1", allowed_networks=("192.0.2.7", "2001:db8::/32"), redirect_uris=uris)

    made = clients.add(connection, wanted, now=NOW)

    assert clients.every(connection, "t1") == [made.client] == [clients.get(connection, made.client.id)]
    assert made.client.allowed_networks == ("192.0.2.7/32", "2001:db8::/32")
    assert made.client.redirect_uris == uris
    assert made.client.scopes == ("stats:read",)


def test_a_secret_is_recognisable_random_and_stored_as_a_digest(connection: Connection) -> None:
    partners.add(connection, _partner())
    first, second = (clients.add(connection, Wanted("w1"), now=NOW).secret for _ in range(2))
    stored = connection.execute(select(client_secret.c.digest)).scalars().all()

    assert first is not None
    assert second is not None
    assert first.startswith("gws_")
    assert len(first) == len("gws_") + 43
    assert first != second
    assert sorted(stored) == sorted(sha256(secret.encode()).digest() for secret in (first, second))


def test_rotation_ends_the_secret_before_after_the_overlap(connection: Connection) -> None:
    partners.add(connection, _partner())
    made = clients.add(connection, Wanted("w1"), now=NOW)
    for days in (0, 1):
        at = NOW + timedelta(days=days)
        clients.rotate_secret(connection, made.client.id, overlap=timedelta(days=14), now=at)
    ends = connection.execute(select(client_secret.c.expires_at)).scalars().all()

    assert sorted(ends, key=str) == [NOW + timedelta(days=15), None]


def test_secrets_and_keys_rotate_only_where_there_are_any(connection: Connection) -> None:
    partners.add(connection, _partner())
    by_secret = clients.add(connection, Wanted("w1"), now=NOW).client.id
    by_keys = clients.add(connection, Wanted("w1", jwks=KEYS), now=NOW).client.id

    with pytest.raises(RegistryError, match="own keys"):
        clients.rotate_secret(connection, by_keys, overlap=timedelta(0), now=NOW)
    with pytest.raises(RegistryError, match="no keys"):
        clients.replace_keys(connection, by_secret, KEYS)
    with pytest.raises(RegistryError, match="negative"):
        clients.rotate_secret(connection, by_secret, overlap=timedelta(-1), now=NOW)


def test_an_issuer_belongs_to_the_named_clients_or_to_all(connection: Connection) -> None:
    partners.add(connection, _partner("studio", PartnerKind.MODEL_CENTER))
    partners.add(connection, _partner())
    one, two = (clients.add(connection, Wanted("studio", jwks=KEYS), now=NOW).client.id for _ in range(2))
    webmaster = clients.add(connection, Wanted("w1"), now=NOW).client.id
    issuers.add(connection, "https://all.example", KEYS)
    issuers.add(connection, "https://one.example", KEYS, (one,))

    found = [
        issuers.keys_for(connection, f"https://{name}.example", client=of) is not None
        for name in ("all", "one", "none")
        for of in (one, two)
    ]

    assert found == [True, True, True, False, False, False]
    for issuer, named in (("", ()), ("a\x00", ()), ("https://x.example", (webmaster,)), ("https://x", ("cl_0",))):
        with pytest.raises(RegistryError):
            issuers.add(connection, issuer, KEYS, named)


def test_what_is_remembered_about_tokens_goes_five_minutes_after_it_has_expired(connection: Connection) -> None:
    """A server whose clock is behind would take it again."""
    until = NOW + timedelta(minutes=10)
    within, beyond = (until + timedelta(minutes=5, seconds=seconds) for seconds in (0, 1))
    assert tokens.spend_assertion(connection, "c1", "jti", expires_at=until, now=NOW)
    assert not tokens.spend_assertion(connection, "c1", "jti", expires_at=until, now=NOW)
    tokens.deny_token(connection, "old", expires_at=until.timestamp(), now=NOW)

    def remembered_at(now: datetime) -> tuple[list[str], list[str]]:
        tokens.spend_assertion(connection, "c2", f"{now}", expires_at=NOW + timedelta(days=1), now=now)
        tokens.deny(connection, f"{now}", expires_at=NOW + timedelta(days=1), now=now)
        spent = connection.execute(select(spent_assertion.c.client).where(spent_assertion.c.client == "c1"))
        denied = connection.execute(select(denied_token.c.id).where(denied_token.c.id == "old"))
        return list(spent.scalars()), list(denied.scalars())

    assert remembered_at(within) == (["c1"], ["old"])
    assert remembered_at(beyond) == ([], [])


def test_what_was_remembered_long_ago_can_be_noted_again(connection: Connection) -> None:
    """An id that was used before is another's once its time is over; a revocation is never lost."""
    long_ago, until = NOW - timedelta(hours=2), NOW + timedelta(minutes=5)
    for expires_at, now in ((long_ago, long_ago), (until, NOW)):
        first, again = (tokens.spend_assertion(connection, "c1", "jti", expires_at=expires_at, now=now) for _ in "ab")
        assert (first, again) == (True, False)
        tokens.deny(connection, "k1", expires_at=expires_at, now=now)

    assert connection.execute(select(denied_token.c.expires_at)).scalars().all() == [until]


def test_a_few_outlived_tokens_go_with_each_that_is_revoked(connection: Connection) -> None:
    """However many there are, nobody waits for them."""
    long_ago = NOW - timedelta(days=1)
    connection.execute(denied_token.insert(), [{"id": f"{n}", "expires_at": long_ago} for n in range(20)])
    old = select(func.count()).where(denied_token.c.expires_at == long_ago)

    left = []
    for new in "abc":
        tokens.deny(connection, new, expires_at=NOW, now=NOW)
        left.append(connection.execute(old).scalar_one())

    assert left == [12, 4, 0]


@pytest.mark.parametrize(
    ("of_client", "of_partner", "may_be"),
    [
        ({}, {}, True),
        ({"allowed_networks": ["198.51.100.0/24"]}, {}, True),
        ({"status": Status.SUSPENDED}, {}, False),
        ({}, {"status": Status.SUSPENDED}, False),
        ({}, {"terms_accepted_at": None}, False),
    ],
)
def test_nobody_is_asked_to_consent_to_a_tool_that_may_have_no_token(
    connection: Connection, of_client: dict[str, Any], of_partner: dict[str, Any], *, may_be: bool
) -> None:
    number = add_partner(connection, "compass", PartnerKind.TRACKER, **of_partner)
    tool = add_client(connection, number, "compass-1", created_at=NOW, **of_client)

    found = credentials.registration(connection, tool, address="192.0.2.7", now=NOW)

    assert found is not None
    assert found.may_be_consented_to is may_be
