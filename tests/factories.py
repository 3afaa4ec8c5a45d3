"""Makers of stored partners, members and what happened to them: the smallest valid rows, for tests to vary."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.statistics import count
from partners.tables.activity import (
    action,
    ledger_entry,
    model,
    registration,
    relation,
    spending,
    spending_total,
    traffic,
)
from partners.tables.member import member, profile, purchase_total
from partners.tables.partner import campaign, client, partner
from partners.vocabulary import Action, LedgerType, PartnerKind, Scope

REGISTERED_AT = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
HAPPENED_AT = datetime(2026, 10, 20, 20, 15, tzinfo=UTC)
REFERRAL = (member.c.webmaster, member.c.campaign, member.c.site, member.c.country, member.c.device_type)


def add_partner(
    connection: Connection, id: str = "w1", kind: PartnerKind = PartnerKind.WEBMASTER, **columns: Any
) -> int:
    """Insert a partner that may do all its kind may; return its number."""
    defaults = {"name": id.title(), "country": "LU", "terms_accepted_at": REGISTERED_AT}
    return _insert(connection, partner, {"id": id, "kind": kind} | defaults | columns)


def add_client(connection: Connection, partner: int, id: str = "c1", **columns: Any) -> str:
    """Insert a client of a partner that may hold every scope; return its id."""
    defaults = {"partner": partner, "auth_method": "client_secret_basic", "scopes": list(Scope)}
    connection.execute(insert(client).values({"id": id} | defaults | columns))
    return id


def add_campaign(connection: Connection, partner: int, code: str = "spring", **columns: Any) -> int:
    """Insert a campaign of a webmaster; return its number."""
    return _insert(connection, campaign, {"partner": partner, "code": code, "name": code.title()} | columns)


def add_member(
    connection: Connection, id: str = "m1", *, profile_columns: dict[str, Any] | None = None, **columns: Any
) -> int:
    """Insert a member with profile and totals, nobody's referral; return its number.

    `profile_columns` are those of `profile` (sensitive items as bytes, `<item>_visibility` too), the rest those of
    `member`; the usage clock stands at the registration.
    """
    username = columns.get("username", f"user_{id}")
    defaults = {
        "username": username,
        "username_key": unicodedata.normalize("NFC", username).casefold(),
        "username_harmless": True,
        "site": "main",
        "country": "LU",
        "registered_at": REGISTERED_AT,
    }
    number = _insert(connection, member, {"id": id} | defaults | columns)
    connection.execute(insert(profile).values(member=number, **profile_columns or {}))
    usage_clock_at = columns.get("registered_at", REGISTERED_AT)
    connection.execute(insert(purchase_total).values(member=number, usage_clock_at=usage_clock_at))
    return number


def set_usage_clock(connection: Connection, member_number: int, **clock: date) -> None:
    """Set columns such as `usage_clock_at` and `usage_kept_from`: since when, and from when on, usage data is kept."""
    connection.execute(update(purchase_total).where(purchase_total.c.member == member_number).values(**clock))


def add_device(connection: Connection, member_number: int, seen_at: datetime = HAPPENED_AT) -> None:
    """Store a device as seen at an instant."""
    connection.execute(
        member.update()
        .where(member.c.number == member_number)
        .values(device_type="mobile", device_os="iOS", device_browser="Mobile Safari", device_seen_at=seen_at)
    )


def add_model(connection: Connection, id: str = "mdl-1", **columns: Any) -> int:
    """Insert a model; return its number."""
    return _insert(connection, model, {"id": id, "name": id.title(), "stamp": ""} | columns)


def add_relation(connection: Connection, model: int, member: int, **columns: Any) -> None:
    """Insert a relation of a member with a model, or change its columns."""
    row = {"model": model, "member": member} | columns
    statement = upsert(relation).values(row)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["model", "member"], set_=columns)
        if columns
        else statement.on_conflict_do_nothing()
    )


def add_action(
    connection: Connection, model: int, member: int, what: str = Action.LIKE, *, at: datetime = HAPPENED_AT
) -> None:
    """Insert an action with a model, and the relation it makes."""
    chatted: dict[str, Any] = {"privately_chatted": True} if what == Action.PRIVATE_CHAT else {}
    add_relation(connection, model, member, **chatted)
    connection.execute(insert(action).values(model=model, member=member, at=at, action=what))


def add_spending(
    connection: Connection,
    model: int,
    member: int,
    *,
    feature: str = "private_chat",
    credits: int = 10,
    at: datetime = HAPPENED_AT,
) -> None:
    """Insert a line of spending, its total by feature, and the relation it makes."""
    add_relation(connection, model, member)
    line = {"model": model, "member": member, "feature": feature, "credits": credits}
    connection.execute(insert(spending).values(at=at, **line))
    total = upsert(spending_total).values(count=1, first_at=at, last_at=at, **line)
    connection.execute(
        total.on_conflict_do_update(
            index_elements=["model", "member", "feature"],
            set_={
                "count": spending_total.c.count + 1,
                "credits": spending_total.c.credits + credits,
                "first_at": func.least(spending_total.c.first_at, at),
                "last_at": func.greatest(spending_total.c.last_at, at),
            },
        )
    )


def add_purchase(
    connection: Connection,
    member_number: int,
    purchase_id: str = "p1",
    *,
    credits: int = 60,
    amount: int = 2940,
    currency: str = "EUR",
    income: int = 0,
    at: datetime = HAPPENED_AT,
    **columns: Any,
) -> None:
    """Insert a purchase of a member into the ledger, and add it to the totals; amounts are minor units."""
    owner = connection.execute(select(*REFERRAL).where(member.c.number == member_number)).one()
    row = {
        "purchase_id": purchase_id,
        "type": LedgerType.PURCHASE,
        "member": member_number,
        "at": at,
        "credits": credits,
        "amount": amount,
        "currency": currency,
        "income": income,
        "webmaster": owner.webmaster,
        "campaign": owner.campaign,
        "site": owner.site,
        "country": owner.country,
        "device_type": owner.device_type,
        "counted": owner.webmaster is not None,
        "booked_month": at.date().replace(day=1),
    }
    connection.execute(insert(ledger_entry).values(row | columns))
    _add_to_total(connection, member_number, credits=credits, amount=amount, currency=currency, at=at)


def add_reversal(
    connection: Connection, purchase_id: str = "p1", *, at: datetime = HAPPENED_AT, **columns: Any
) -> None:
    """Insert the reversal of a purchase into the ledger; the totals stay as they are."""
    bought = connection.execute(select(ledger_entry).where(ledger_entry.c.purchase_id == purchase_id)).mappings().one()
    kept = {name: value for name, value in bought.items() if name not in {"number", "recorded_at", "first"}}
    figures = {name: -bought[name] for name in ("credits", "amount", "income")}
    row = kept | figures | {"type": LedgerType.REVERSAL, "at": at, "booked_month": at.date().replace(day=1)}
    connection.execute(insert(ledger_entry).values(row | {"reason": "refund"} | columns))


def add_registration(connection: Connection, member_number: int, **columns: Any) -> None:
    """Insert the registration of a referred member, as it is now and counted."""
    asked = select(*REFERRAL, member.c.registered_at.label("at")).where(member.c.number == member_number)
    owner = dict(connection.execute(asked).mappings().one())
    connection.execute(insert(registration).values(owner | {"member": member_number, "counted": True} | columns))


def add_traffic(
    connection: Connection, campaign: int, slot: datetime, *, clicks: int = 1, unique_clicks: int = 1
) -> None:
    """Insert the clicks of a campaign's quarter hour."""
    row = {"campaign": campaign, "slot": slot, "clicks": clicks, "unique_clicks": unique_clicks, "stamp": ""}
    connection.execute(insert(traffic).values(row))


def count_events(connection: Connection, through: datetime | None = None) -> None:
    """Add every stored registration and ledger entry to the counters, as the feed does with those of a batch."""
    registrations, ledger = (connection.execute(select(table)).all() for table in (registration, ledger_entry))
    count(connection, registrations=registrations, ledger=ledger, through=through)


def _add_to_total(
    connection: Connection, member_number: int, *, credits: int, amount: int, currency: str, at: datetime
) -> None:
    total = purchase_total.c
    amounts = connection.execute(select(total.amounts).where(total.member == member_number)).scalar_one()
    lapsed = at > total.usage_clock_at + timedelta(days=120)
    connection.execute(
        purchase_total.update()
        .where(total.member == member_number)
        .values(
            count=total.count + 1,
            credits=total.credits + credits,
            first_at=func.least(total.first_at, at),
            last_at=func.greatest(total.last_at, at),
            amounts=amounts | {currency: amounts.get(currency, 0) + amount},
            usage_clock_at=func.greatest(total.usage_clock_at, at),
            usage_kept_from=case((lapsed, at), else_=total.usage_kept_from),
        )
    )


def _insert(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    number: int = connection.execute(insert(table).values(row).returning(table.c.number)).scalar_one()
    return number


def dump(connection: Connection) -> str:
    """Return every value of every table as text, bytes too: what a test looks for canaries in."""
    connection.execute(text("SET LOCAL bytea_output = 'escape'"))
    tables = connection.execute(
        text(
            "SELECT quote_ident(relname) FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"
        )
    ).scalars()
    return "\n".join(
        row for table in tables for row in connection.execute(text(f"SELECT t::text FROM {table} t")).scalars()
    )
