"""What is kept of a user agent: three coarse words from closed lists, never the string (R8)."""

import re
from dataclasses import dataclass
from functools import lru_cache

import ua_parser
from ua_parser import Domain

from partners.vocabulary import DeviceType

OTHER = "Other"
READ_CHARACTERS = 1_024
"""The words stand at the beginning; what is longer is somebody's attempt at something else."""
_REMEMBERED = 4_096

_SYSTEMS = (
    "Android|BlackBerry OS|Chrome OS|Debian|Fedora|Firefox OS|FreeBSD|HarmonyOS|KaiOS|Linux|Linux Mint|Mac OS|Mac OS X|"
    "NetBSD|OpenBSD|PlayStation|Red Hat|SUSE|Solaris|Symbian OS|Tizen|Ubuntu|WatchOS|Windows|Windows Mobile|"
    "Windows Phone|iOS|tvOS|webOS"
)
SYSTEMS = frozenset(_SYSTEMS.split("|"))
"""The families of operating systems that are told apart."""

_BROWSERS = (
    "Aloha Browser|Amazon Silk|Android|Apple Mail|Avast Secure Browser|Baidu Browser|Basilisk|BlackBerry WebKit|Brave|"
    "Chrome|Chrome Mobile|Chrome Mobile WebView|Chrome Mobile iOS|Chromium|Coc Coc|DuckDuckGo|DuckDuckGo Mobile|"
    "Ecosia Android|Ecosia iOS|Edge|Edge Mobile|Epiphany|Facebook|Firefox|Firefox Focus|Firefox Mobile|Firefox iOS|"
    "Google|HeadlessChrome|HeyTap Browser|Honor Browser|Huawei Browser|IE|IE Mobile|Instagram|Iron|KakaoTalk|Konqueror|"
    "LINE|LibreWolf|Maxthon|Mint Browser|MiuiBrowser|Mobile Safari|Mobile Safari UI/WKWebView|NetFront|Oculus Browser|"
    "Opera|Opera GX|Opera Mini|Opera Mobile|Opera Touch|Pale Moon|Phoenix Browser|Pinterest|Puffin|QQ Browser|"
    "QQ Browser Mini|QQ Browser Mobile|Quark|Safari|Samsung Internet|SeaMonkey|Silk|Snapchat|Sogou Explorer|Telegram|"
    "TikTok|Tizen Browser|Twitter|UC Browser|Vivaldi|Waterfox|WeChat Browser|Weibo|Whale|Yandex Browser|"
    "webOS Browser"
)
BROWSERS = frozenset(_BROWSERS.split("|"))
"""The families of browsers that are told apart: the parser's own names may carry what a stranger wrote."""

_BOT = "Spider"
_MARKS = tuple(
    (type_, re.compile(mark))
    for type_, mark in (
        (DeviceType.CONSOLE, r"PlayStation|Xbox|Nintendo"),
        (DeviceType.TV, r"S(?:mart|MART)-?TV|Apple ?TV|G(?:oogle|OOGLE) ?TV|Android TV|HbbTV|CrKey|BRAVIA|Roku|AFT"),
        (DeviceType.TABLET, r"iPad|Tablet(?! PC)|PlayBook|Kindle|Silk/|\bKF[A-Z]{2,6}\b|Android(?!.*\bMobile\b)"),
        (DeviceType.MOBILE, r"iPhone|iPod|Android|Mobile|Phone|BlackBerry|Opera Mini|KAIOS|Symbian|MIDP"),
        (DeviceType.DESKTOP, r"Windows|Macintosh|CrOS|X11|Linux|BSD"),
    )
)


@dataclass(frozen=True)
class Device:
    """A device as webmasters may see it."""

    type: DeviceType
    os: str
    browser: str


def device_of(user_agent: str) -> Device:
    """Read a user agent; whatever is not known is `other` or `Other`, and nothing fails."""
    return _read(user_agent[:READ_CHARACTERS])


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> Device:
    parsed = ua_parser.parser(text, Domain.ALL)
    is_bot = parsed.device is not None and parsed.device.family == _BOT
    return Device(
        type=DeviceType.BOT if is_bot else _type_of(text),
        os=_known(parsed.os, SYSTEMS),
        browser=_known(parsed.user_agent, BROWSERS),
    )


def _type_of(text: str) -> DeviceType:
    return next((type_ for type_, mark in _MARKS if mark.search(text)), DeviceType.OTHER)


def _known(parsed: ua_parser.OS | ua_parser.UserAgent | None, families: frozenset[str]) -> str:
    return parsed.family if parsed is not None and parsed.family in families else OTHER
