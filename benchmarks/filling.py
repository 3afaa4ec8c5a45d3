"""Filling a fresh gateway with made-up members by set-based SQL: any number of them within seconds."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

MODEL = "model-1"
"""The model whose cards are asked for; one member in eight has had to do with her."""
WEBMASTER = "northlight"
"""The webmaster who referred every second member."""
COUNTRIES = ("LU", "DE", "FR", "US", "JP")
"""Each is the country of every fifth member."""
PURCHASES_A_MEMBER = 10

_MODELS = "INSERT INTO model (id, name, stamp) SELECT 'model-' || n, 'Model ' || n, '' FROM generate_series(1, 20) n"

_MEMBERS = """
WITH referrer AS (
    SELECT p.number, p.id, array_agg(c.number ORDER BY c.number) AS campaigns
    FROM partner p JOIN campaign c ON c.partner = p.number GROUP BY p.number
)
INSERT INTO member (
    number, id, username, username_key, username_harmless, site, country, registered_at, webmaster, campaign, sub1,
    mask, regular_payer, device_type, device_os, device_browser, device_seen_at
)
OVERRIDING SYSTEM VALUE
SELECT
    n, 'm-' || n, 'user_' || n, 'user_' || n, true, (ARRAY['main', 'second'])[1 + n % 2],
    (CAST(:countries AS text[]))[1 + n / 7 % cardinality(CAST(:countries AS text[]))],
    :now - (:members - n) * (interval '60 days' / :members),
    r.number, r.campaigns[1 + n / 11 % cardinality(r.campaigns)], 'sub-' || n % 40, 'The Fox', n % 7 = 0,
    'mobile', 'iOS', 'Mobile Safari', :now
FROM generate_series(1, :members) n
JOIN referrer r ON r.id = (ARRAY['northlight', 'harbour'])[1 + n % 2]
"""

_PROFILES = """
INSERT INTO profile (
    member, nickname, gender, age, location, personal_specialty, occupation, leisure, feel_special
)
SELECT
    number, 'Nick ' || number, 'female', 20 + number % 40, 'Luxembourg', 'Listening', 'Carpenter', 'Hiking', 'Kindness'
FROM member
"""

_REGISTRATIONS = """
INSERT INTO registration (member, at, webmaster, campaign, site, country, device_type, counted)
SELECT number, registered_at, webmaster, campaign, site, country, device_type, true FROM member
"""

_PURCHASES = """
INSERT INTO ledger_entry (
    purchase_id, type, member, at, credits, amount, currency, income, webmaster, campaign, site, country, device_type,
    first, counted, booked_month
)
SELECT
    'p-' || m.number || '-' || k, 'purchase', m.number, bought.at, 60, 2940, 'EUR', 735, m.webmaster, m.campaign,
    m.site, m.country, m.device_type, k = 1, true, date_trunc('month', bought.at)
FROM member m, generate_series(1, :purchases) k,
LATERAL (
    SELECT :now - (m.number * 7 + k * 11) % 60 * interval '1 day' - m.number % 96 * interval '15 minutes' AS at
) bought
"""

_PURCHASE_TOTALS = """
INSERT INTO purchase_total (member, count, credits, first_at, last_at, amounts, usage_clock_at)
SELECT member, count(*), sum(credits), min(at), max(at), jsonb_build_object('EUR', sum(amount)), max(at)
FROM ledger_entry GROUP BY member
"""

_STATISTICS = """
INSERT INTO statistic (
    webmaster, slot, campaign, site, country, device_type, currency, registrations, first_purchases, purchases, credits,
    amount, income
)
SELECT
    webmaster, date_bin('15 minutes', at, 'epoch'), campaign, site, country, device_type, NULL, count(*), 0, 0, 0, 0, 0
FROM registration GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT
    webmaster, date_bin('15 minutes', at, 'epoch'), campaign, site, country, device_type, currency, 0,
    count(*) FILTER (WHERE first), count(*), sum(credits), sum(amount), sum(income)
FROM ledger_entry GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

_TRAFFIC = """
INSERT INTO traffic (campaign, slot, clicks, unique_clicks, stamp)
SELECT c.number, date_bin('15 minutes', :now - n * interval '15 minutes', 'epoch'), 40 + n % 7, 30 + n % 5, ''
FROM campaign c, generate_series(1, 60 * 96, 4) n
"""

_PROGRESS = "INSERT INTO feed_progress (through) VALUES (:now)"

_RELATIONS = """
INSERT INTO relation (model, member, favorite, fan_club, gift_sent, privately_chatted)
SELECT 1 + (m.number * k + k) % 20, m.number, m.number % 3 = 0, false, k = 1, k = 1
FROM member m, generate_series(1, 2 + CAST(m.number % 2 AS integer)) k
ON CONFLICT DO NOTHING
"""

_ACTIONS = """
INSERT INTO action (model, member, at, action)
SELECT r.model, r.member, :now - k * interval '1 day', (ARRAY['like', 'gift', 'private_chat'])[1 + k % 3]
FROM relation r, generate_series(1, 6) k
"""

_SPENDINGS = """
INSERT INTO spending (model, member, at, feature, credits)
SELECT r.model, r.member, :now - k * interval '1 day', (ARRAY['private_chat', 'gift'])[1 + k % 2], 10
FROM relation r, generate_series(1, 4) k
"""

_SPENDING_TOTALS = """
INSERT INTO spending_total (model, member, feature, count, credits, first_at, last_at)
SELECT model, member, feature, count(*), sum(credits), min(at), max(at) FROM spending GROUP BY model, member, feature
"""

_IN_ORDER = (
    _MODELS,
    _MEMBERS,
    _PROFILES,
    _REGISTRATIONS,
    _PURCHASES,
    _PURCHASE_TOTALS,
    _STATISTICS,
    _TRAFFIC,
    _PROGRESS,
    _RELATIONS,
    _ACTIONS,
    _SPENDINGS,
    _SPENDING_TOTALS,
    "ANALYZE",
)


def fill(connection: Connection, *, members: int, now: datetime) -> None:
    """Insert models, members and what happened to them; the demo's partners must be registered already."""
    meant = {"members": members, "now": now, "countries": list(COUNTRIES), "purchases": PURCHASES_A_MEMBER}
    for statement in map(text, _IN_ORDER):
        connection.execute(statement, {name: meant[name] for name in statement.compile().params})


def usernames(connection: Connection, *, most: int = 1_000) -> Sequence[str]:
    """Members who have had to do with `MODEL`."""
    asked = text(
        "SELECT m.username FROM member m JOIN relation r ON r.member = m.number JOIN model o ON o.number = r.model "
        "WHERE o.id = :model ORDER BY m.number LIMIT :most"
    )
    return connection.execute(asked, {"model": MODEL, "most": most}).scalars().all()
