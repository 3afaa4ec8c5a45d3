"""What the floors ask: the same tables and columns by hand, without policy; and the same with a durable record."""

CARD = """
SELECT
    m.number AS member, m.username, m.site, r.favorite, r.fan_club, r.gift_sent, m.regular_payer, m.mask, p.nickname,
    p.gender, p.age, p.location, p.personal_specialty, p.occupation, p.leisure, p.feel_special,
    to_jsonb(array(
        SELECT jsonb_build_array(a.action, a.at) FROM action a
        WHERE a.model = r.model AND a.member = r.member ORDER BY a.at DESC, a.number DESC LIMIT 20
    )) AS last_actions,
    to_jsonb(array(
        SELECT jsonb_build_array(s.feature, s.count, s.credits, s.first_at, s.last_at) FROM spending_total s
        WHERE s.model = r.model AND s.member = r.member ORDER BY s.feature
    )) AS spending
FROM member m
JOIN profile p ON p.member = m.number
JOIN relation r ON r.member = m.number AND r.model = (SELECT number FROM model WHERE id = %(model)s)
WHERE m.username_key = %(username)s
"""

MEMBERS = """
SELECT
    m.number AS member, m.username, m.registered_at, m.site, m.country, m.device_type, m.device_os, m.device_browser,
    t.count, t.credits, t.first_at, t.last_at, t.amounts, c.code, m.sub1, m.sub2, m.sub3, m.sub4, m.sub5
FROM member m
JOIN purchase_total t ON t.member = m.number
LEFT JOIN campaign c ON c.number = m.campaign
WHERE m.webmaster = (SELECT number FROM partner WHERE id = %(webmaster)s)
AND (m.registered_at, m.number) < (%(at)s, %(number)s)
AND (%(country)s::text IS NULL OR m.country = %(country)s)
ORDER BY m.registered_at DESC, m.number DESC
LIMIT %(limit)s
"""

STATISTICS = """
WITH parts AS (
    SELECT
        s.slot::date AS day, s.campaign, s.country, s.currency, 0::bigint AS clicks, 0::bigint AS unique_clicks,
        sum(s.registrations) AS registrations, sum(s.first_purchases) AS first_purchases, sum(s.purchases) AS purchases,
        sum(s.credits)::bigint AS credits, sum(s.amount)::bigint AS amount, sum(s.refunds) AS refunds,
        sum(s.refunded_amount)::bigint AS refunded_amount, sum(s.income)::bigint AS income
    FROM statistic s
    WHERE s.webmaster = (SELECT number FROM partner WHERE id = %(webmaster)s)
    AND s.slot >= %(first)s::date AND s.slot < %(last)s::date + 1
    GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT t.slot::date, t.campaign, NULL, NULL, sum(t.clicks), sum(t.unique_clicks), 0, 0, 0, 0, 0, 0, 0, 0
    FROM traffic t JOIN campaign c ON c.number = t.campaign
    WHERE c.partner = (SELECT number FROM partner WHERE id = %(webmaster)s)
    AND t.slot >= %(first)s::date AND t.slot < %(last)s::date + 1
    GROUP BY 1, 2
),
rows AS (
    SELECT
        p.day, c.code AS campaign, p.country, p.currency, sum(p.clicks)::bigint AS clicks,
        sum(p.unique_clicks)::bigint AS unique_clicks, sum(p.registrations)::bigint AS registrations,
        sum(p.first_purchases)::bigint AS first_purchases, sum(p.purchases)::bigint AS purchases,
        sum(p.credits)::bigint AS credits, sum(p.amount)::bigint AS amount, sum(p.refunds)::bigint AS refunds,
        sum(p.refunded_amount)::bigint AS refunded_amount, sum(p.income)::bigint AS income
    FROM parts p LEFT JOIN campaign c ON c.number = p.campaign
    GROUP BY 1, 2, 3, 4
)
SELECT
    NULL AS day, NULL AS campaign, NULL AS country, currency, sum(clicks)::bigint AS clicks,
    sum(unique_clicks)::bigint AS unique_clicks, sum(registrations)::bigint AS registrations,
    sum(first_purchases)::bigint AS first_purchases, sum(purchases)::bigint AS purchases,
    sum(credits)::bigint AS credits, sum(amount)::bigint AS amount, sum(refunds)::bigint AS refunds,
    sum(refunded_amount)::bigint AS refunded_amount, sum(income)::bigint AS income
FROM rows GROUP BY currency
UNION ALL
SELECT * FROM (SELECT * FROM rows ORDER BY 1, 2, 3, 4 LIMIT 1001) AS page
"""

_RECORD = """
WITH released AS ($plain),
recorded AS (
    INSERT INTO access_log (at, id, request_id, operation, purpose, outcome, status, member_count, verdicts, leaf)
    SELECT
        %(now)s, %(id)s, %(request)s, 'floor', 'campaigns', 'released', 200, (SELECT count(*) FROM released), '[]',
        convert_to(%(request)s, 'UTF8')
),
network AS (INSERT INTO access_network (at, access, ip, salt) VALUES (%(now)s, %(id)s, '127.0.0.1', %(id)s))
$subjects
SELECT * FROM released
"""

_SUBJECTS = """,
subjects AS (
    INSERT INTO access_subject (member, at, access, verdict) SELECT member, %(now)s, %(id)s, 0 FROM released
)
"""


def recorded(plain: str, *, members: bool) -> str:
    """The same query, and in the same statement the rows of a record; `members` says whether it is about any."""
    return _RECORD.replace("$plain", plain).replace("$subjects", _SUBJECTS if members else "")
