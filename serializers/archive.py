"""A member's archive in words: the categories of what is held, each piece's rows, and recipients by category (R57)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from partners import stamps
from partners.access_log.pruning import MONTHS_KEPT
from partners.rights.archive import DISCLOSURES, NOT_TOLD, REQUESTS
from partners.rights.erasure import KEPT
from partners.tables.member import ACCOUNT
from partners.usage import KEPT_FOR
from partners.vocabulary import SENSITIVE_ITEMS, ProfileItem, Purpose, RecipientKind
from serializers.lines import csv_cell, csv_lines
from serializers.policy.shapes import amounts, instant, money
from serializers.wire import json_of

Document = dict[str, Any]
Unseal = Callable[[bytes], str]
FROM_THE_SITE = "the site, as you use it"
FROM_YOU = "you, through the site"
MEANINGS: Mapping[Purpose, str] = {
    Purpose.CAMPAIGNS: "setting up, maintaining and optimising campaigns",
    Purpose.INCOME: "tracking a webmaster's income",
    Purpose.PERSONAL_SERVICE: "a personal service by the models you have to do with",
}
_AMOUNT = "amount"
WEBMASTER, MODELS = "the webmaster who referred you", "models you have had to do with, through their studio"


@dataclass(frozen=True)
class Category:
    """A kind of data about a member: where it comes from, what for, who may get it, and how long it stays."""

    name: str
    title: str
    source: str
    purposes: tuple[Purpose, ...]
    third_parties: tuple[str, ...]
    kept: str
    pieces: tuple[str, ...]
    """The files of the archive in which it stands."""
    fields: frozenset[str] = frozenset()
    """As policies name them."""
    operations: frozenset[str] = frozenset()
    """What discloses nothing but this."""

    def document(self) -> Document:
        """As the archive tells it."""
        return {
            "category": self.name,
            "title": self.title,
            "source": self.source,
            "purposes": [MEANINGS[purpose] for purpose in self.purposes] or ["running the site; not disclosed"],
            "third_parties": list(self.third_parties),
            "kept": self.kept,
            "files": list(self.pieces),
        }


_USAGE = f"{KEPT_FOR.days} days after the last purchase"
_TEN_YEARS = f"{ACCOUNT}; after its erasure without any link to you, until ten years are over"
CATEGORIES = (
    Category(
        "identifiers", "How you are known: username, references, referral", FROM_YOU,
        (Purpose.CAMPAIGNS, Purpose.PERSONAL_SERVICE), (WEBMASTER, MODELS),
        f"{ACCOUNT}; a keyed hash of a former username for one year",
        ("account", "former_usernames", "changes"), frozenset({"ref", "username", "referral"}),
    ),
    Category(
        "account", "Registration, site and country", FROM_THE_SITE,
        (Purpose.CAMPAIGNS, Purpose.PERSONAL_SERVICE), (WEBMASTER, MODELS), ACCOUNT,
        ("account", "registration", "changes"), frozenset({"registration_date", "site", "country"}),
    ),
    Category(
        "device", "Type, system and browser of the device last seen", FROM_THE_SITE,
        (Purpose.CAMPAIGNS,), (WEBMASTER,), _USAGE, ("account",), frozenset({"device"}),
    ),
    Category(
        "purchases", "Credits bought, without the means of payment", FROM_THE_SITE,
        (Purpose.CAMPAIGNS, Purpose.INCOME), (WEBMASTER,), _TEN_YEARS, ("purchases", "purchase_totals"),
        frozenset({"credit_purchases"}), frozenset({"purchases.list"}),
    ),
    Category(
        "profile", "What you wrote in your profile", FROM_YOU, (Purpose.PERSONAL_SERVICE,), (MODELS,), ACCOUNT,
        ("profile",), frozenset(f"profile.{item}" for item in ProfileItem if item not in SENSITIVE_ITEMS),
    ),
    Category(
        "special_category", "What you wrote of sexual interests", FROM_YOU, (Purpose.PERSONAL_SERVICE,), (MODELS,),
        ACCOUNT, ("profile",), frozenset(f"profile.{item}" for item in SENSITIVE_ITEMS),
    ),
    Category(
        "loyalty", "The loyalty mask and the regular payer's badge", FROM_THE_SITE, (Purpose.PERSONAL_SERVICE,),
        (MODELS,), ACCOUNT, ("account",), frozenset({"mask", "regular_payer"}),
    ),
    Category(
        "relations", "Favourites, fan clubs and gifts", FROM_THE_SITE, (Purpose.PERSONAL_SERVICE,), (MODELS,),
        ACCOUNT, ("relations",), frozenset({"favorite", "fan_club", "gift_sent"}),
    ),
    Category(
        "actions", "What you did with models", FROM_THE_SITE, (Purpose.PERSONAL_SERVICE,), (MODELS,),
        _USAGE, ("actions",), frozenset({"last_actions"}),
    ),
    Category(
        "spending", "Credits spent, with whom and on which feature", FROM_THE_SITE, (Purpose.PERSONAL_SERVICE,),
        (MODELS,), _TEN_YEARS, ("spending", "spending_totals"), frozenset({"spending"}), frozenset({"card.spending"}),
    ),
    Category(
        "choices", "Your privacy settings and requests", FROM_YOU, (), (),
        f"{ACCOUNT}; requests ten years after their end, or as long as they bind",
        ("settings", "held_settings", REQUESTS),
    ),
    Category(
        "disclosures", "Who received what about you", "the gateway's access log", (), (), f"{MONTHS_KEPT} months",
        (DISCLOSURES, "recipients"),
    ),
)  # fmt: skip


def category_of(operation: str, name: str) -> str:
    """The category of a disclosed field, or the one that is named itself; raise `LookupError` where there is none."""
    if any(category.name == name for category in CATEGORIES):  # Entered by hand (R27).
        return name
    by_operation = (category for category in CATEGORIES if operation in category.operations)
    by_field = (category for category in CATEGORIES if name in category.fields)
    found = next(by_operation, None) or next(by_field, None)
    if found is None:
        raise LookupError(f"no category has {name} of {operation}")
    return found.name


@dataclass
class Recipients:
    """Adds disclosures up by category and recipient (R59)."""

    _found: dict[tuple[str, str, str | None, str], Document] = field(default_factory=dict)

    def add(self, disclosed: Document) -> None:
        """Count one disclosure as the archive tells it."""
        by_category: dict[str, list[str]] = {}
        for name in disclosed["fields"]:
            by_category.setdefault(category_of(disclosed["operation"], name), []).append(name)
        for category, names in by_category.items():
            row = self._row(category, disclosed)
            row["disclosures"] += 1
            row["first_at"] = disclosed["at"]
            row["fields"] = sorted({*row["fields"], *names})
            row["purposes"] = sorted({*row["purposes"], disclosed["purpose"]})

    def rows(self) -> list[Document]:
        """By category, then recipient; disclosures were added newest first."""
        return [self._found[key] for key in sorted(self._found, key=lambda key: tuple(part or "" for part in key))]

    def _row(self, category: str, disclosed: Document) -> Document:
        recipient, kind, model = disclosed["partner"], disclosed["recipient_kind"], disclosed["model"]
        return self._found.setdefault(
            (category, recipient, model, kind),
            {
                "category": category,
                "recipient": recipient,
                "kind": kind,
                "model": model,
                "fields": [],
                "purposes": [],
                "disclosures": 0,
                "first_at": None,
                "last_at": disclosed["at"],
            },
        )


def told(row: Mapping[str, Any], unseal: Unseal) -> Document:
    """A stored row in the words of the archive: sealed items opened, stamps as instants, money in decimals."""
    document = {_name(name): _value(name, value, unseal) for name, value in row.items()}
    if _AMOUNT in row:
        document[_AMOUNT] = money(row[_AMOUNT], row["currency"])
    return document


def _name(column: str) -> str:
    return "changed_at" if column == "stamp" else column.replace("_stamp", "_changed_at")


def _value(name: str, value: Any, unseal: Unseal) -> Any:  # noqa: ANN401 - whatever a column holds
    if value is None or isinstance(value, bool):
        return value
    if name.endswith("stamp"):
        return instant(stamps.time_of(value))
    if name == "amounts":
        return amounts(value)
    if isinstance(value, bytes):
        return unseal(value)
    return instant(value) if isinstance(value, datetime) else value


def csv_of(documents: Iterable[Document]) -> Iterator[bytes]:
    """RFC 4180 with a header line. Nothing where there is no row."""
    for number, document in enumerate(documents):
        if not number:
            yield csv_lines([document])
        yield csv_lines([[_cell(name, value) for name, value in document.items()]])


def json_array_of(documents: Iterable[Document]) -> Iterator[bytes]:
    """A JSON array, a row a line."""
    yield b"["
    for number, document in enumerate(documents):
        yield (b",\n" if number else b"\n") + json_of(document)
    yield b"\n]\n"


def _cell(name: str, value: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """A figure keeps its sign: money is a string only so that no decimal is lost."""
    return str(value) if name == _AMOUNT else csv_cell(value)


def recipient_kind(audience: str) -> str:
    """What kind of recipient an audience is called in the archive."""
    return RecipientKind(audience).replace("_", " ")


def about(request: Document, *, at: datetime, since: datetime | None, counts: Mapping[str, int]) -> Document:
    """The archive's index: the request, the period, every category, and what is not here or stays, with why (R51)."""
    return {
        "request": request,
        "made_at": instant(at),
        "period": {"from": instant(since) if since else None, "to": instant(at)},
        "categories": [category.document() for category in CATEGORIES],
        "files": [{"name": name, "rows": rows} for name, rows in counts.items()],
        "left_out": [{"what": str(what), "why": why} for what, why in NOT_TOLD.items()],
        "stays_after_an_erasure": [asdict(kept) for kept in KEPT],
    }
