"""Usernames: which are accepted, which are one and the same, how long a former one is blocked, which may identify."""

import re
import unicodedata
from datetime import datetime

from partners.months import months_after

LONGEST = 64
LONGEST_WRITTEN = 4 * LONGEST
"""No character decomposes into more than four: what is longer has more than 64 in NFC too.

Bringing text into order takes time with the square of a run of combining marks, so length is asked for first.
"""
BLOCKED_MONTHS = 12
"""How long nobody else may take a former username (R42)."""
_STEPS = frozenset({".", ".."})


def normalise(text: str) -> str:
    """Return the username as it is stored: in NFC."""
    return unicodedata.normalize("NFC", text)


def fold(username: str) -> str:
    """Return what uniqueness and look-ups compare: Unicode's canonical caseless form, itself in NFC (contract §9)."""
    return normalise(normalise(username).casefold())


def acceptable(username: str) -> bool:
    """Whether a username in NFC has 1 to 64 printable characters, no `/` and no blanks, and is no path step."""
    return (
        0 < len(username) <= LONGEST
        and username.isprintable()
        and not any(map(str.isspace, username))
        and stands_in_paths(username)
    )


def stands_in_paths(name: str) -> bool:
    """Whether a path can name somebody: `%2F` in one is 404, and clients resolve `.` and `..` before they ask."""
    return "/" not in name and name not in _STEPS


def blocked_until(changed_at: datetime) -> datetime:
    """The instant from which a username given up at `changed_at` is free again (R42)."""
    return months_after(changed_at, BLOCKED_MONTHS)


def harmless(username: str) -> bool:
    """R9: whether a username is not shaped like an e-mail address, phone or card number, URL, IP address or @handle.

    Compatibility forms are looked through: fullwidth digits are digits, a fullwidth commercial at is one, and an
    ideographic full stop parts the labels of a domain name as a full stop does (RFC 3490 §3.1). Combining marks are
    looked past: underlined digits are digits.
    """
    compatible = unicodedata.normalize("NFKC", username).replace("\u3002", ".").lower()
    plain = "".join(each for each in compatible if not unicodedata.category(each).startswith("M"))
    if not _WORTH_A_LOOK.search(plain):
        return True
    return not any(shape.search(plain) for shape in _IDENTIFYING)


_WORTH_A_LOOK = re.compile(r"[@.:\[({<]|(?:\d\D*){7}")
"""What none of the shapes can do without: most usernames have none of it."""
_GAP = r"[\W_]{0,3}"
_E_MAIL_OR_HANDLE = r"@|[\[({<]at[\])}>]"
_PHONE = (
    # Nothing but a number of seven digits or more, whatever stands between them.
    rf"^(?:tel|phone|mobile|call|text|sms|whatsapp|wa)?[\W_]*\d(?:{_GAP}\d){{6,}}[\W_]*$",
    # A number inside a longer name: international, or long enough to be a phone's or a card's.
    rf"\+{_GAP}\d(?:{_GAP}\d){{6,}}",
    rf"\d(?:{_GAP}\d){{8,}}",
)
_IP_ADDRESS = (
    r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)",
    r"(?<![0-9a-z])(?=.*[0-9])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-z])",
)
_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_GENERIC = (
    "com|net|org|info|biz|edu|gov|mobi|xxx|app|dev|xyz|online|site|website|store|shop|blog|link|page|email|porn|adult|"
    "webcam|cam|sex|chat|live|club|social|media|agency|vip|fans|name|tel|pro|top|icu|bio|click|host|cloud|tech|video|"
    r"stream|photos|photography|gallery|date|dating|singles|love|fun|life|world|bzh|xn--[a-z0-9-]+|рф|укр|бел|中国|香港|台湾|рус|онлайн|сайт|москва|орг|срб|бг|қаз|한국|台灣|"  # noqa: RUF001 - Cyrillic top-level domains
    "aero|coop|museum|travel|wiki|news|space|zone|ninja|guru|expert|rocks|buzz|sbs|cfd|cyou|wtf|fyi|group|company|"
    "business|network|systems|solutions|services|center|directory|digital|studio|design|graphics|consulting|marketing|"
    "ventures|finance|financial|insurance|legal|healthcare|academy|education|university|institute|photo|pics|tickets|"
    "events|community|foundation|church|realty|estate|properties|apartments|rentals|holiday|vacations|tours|flights|"
    "voyage|hotel|restaurant|cafe|catering|boutique|fashion|clothing|jewelry|auction|market|trade|trading|forex|deals|"
    "promo|coupons|supply|equipment|repair|auto|autos|taxi|limo|delivery|express|direct|technology|software|codes|"
    "computer|hosting|domains|download|games|casino|reviews|report|careers|works|ltd|llc|gmbh|inc|srl|ink|wang|gdn|"
    "kaufen|schule|reisen|immobilien|versicherung|maison|moda|tienda|abogado"
)
_PLACES = (
    "asia|africa|berlin|london|paris|amsterdam|barcelona|boston|brussels|budapest|capetown|cologne|dubai|durban|"
    "hamburg|helsinki|istanbul|joburg|koeln|kyoto|madrid|melbourne|miami|moscow|nagoya|nyc|osaka|quebec|saarland|"
    "stockholm|sydney|taipei|tokyo|vegas|wien|yokohama|zuerich|bayern|nrw|ruhr|tirol|swiss|alsace|corsica|vlaanderen|"
    "cymru|wales|eus|frl|krd|tatar|okinawa|ryukyu|abudhabi|doha|bcn"
)
_COUNTRY = (
    "ac|ad|ae|af|ag|ai|al|am|ao|ar|as|at|au|aw|ax|az|ba|bb|bd|be|bf|bg|bh|bi|bj|bm|bn|bo|br|bs|bt|bw|by|bz|ca|cc|cd|cf|"
    "cg|ch|ci|ck|cl|cm|cn|co|cr|cu|cv|cw|cx|cy|cz|de|dj|dk|dm|do|dz|ec|ee|eg|er|es|et|eu|fi|fj|fk|fm|fo|fr|ga|gd|ge|gf|"
    "gg|gh|gi|gl|gm|gn|gp|gq|gr|gs|gt|gu|gw|gy|hk|hm|hn|hr|ht|hu|id|ie|il|im|in|io|iq|ir|is|it|je|jm|jo|jp|ke|kg|kh|ki|"
    "km|kn|kp|kr|kw|ky|kz|la|lb|lc|li|lk|lr|ls|lt|lu|lv|ly|ma|mc|md|me|mg|mh|mk|ml|mm|mn|mo|mp|mq|mr|ms|mt|mu|mv|mw|mx|"
    "my|mz|na|nc|ne|nf|ng|ni|nl|no|np|nr|nu|nz|om|pa|pe|pf|pg|ph|pk|pl|pm|pn|pr|ps|pt|pw|py|qa|re|ro|rs|ru|rw|sa|sb|sc|"
    "sd|se|sg|sh|si|sk|sl|sm|sn|so|sr|ss|st|su|sv|sx|sy|sz|tc|td|tf|tg|th|tj|tk|tl|tm|tn|to|tr|tt|tv|tw|tz|ua|ug|uk|us|"
    "uy|uz|va|vc|ve|vg|vi|vn|vu|wf|ws|ye|yt|za|zm|zw"
)
_URL = (
    r"^(?:https?|ftp|mailto|tel|sms|skype|callto):|^www\d?\.",
    rf"{_LABEL}\.(?:{_GENERIC}|{_PLACES})(?![^\W_])",
    # Two letters are often part of a name that goes on: `i.am.here`.
    rf"{_LABEL}\.(?:{_COUNTRY})(?![._-]*[^\W_])",
)
_IDENTIFYING = tuple(re.compile(shape) for shape in (_E_MAIL_OR_HANDLE, *_PHONE, *_IP_ADDRESS, *_URL))
