"""A user agent becomes three coarse words, all of them from closed lists (R8)."""

import pytest

from partners.devices import BROWSERS, OTHER, SYSTEMS, Device, device_of
from partners.vocabulary import DeviceType
from tests.feeding import IPHONE, LAPTOP


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (IPHONE, Device(DeviceType.MOBILE, "iOS", "Mobile Safari")),
        (LAPTOP, Device(DeviceType.DESKTOP, "Windows", "Chrome")),
        (
            (
                "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
                "Mobile/15E148 Safari/604.1"
            ),
            Device(DeviceType.TABLET, "iOS", "Mobile Safari"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36",
            Device(DeviceType.TABLET, "Android", "Chrome"),
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Mobile "
                "Safari/537.36"
            ),
            Device(DeviceType.MOBILE, "Android", "Chrome Mobile"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
            Device(DeviceType.DESKTOP, "Mac OS X", "Firefox"),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Device(DeviceType.BOT, OTHER, OTHER),
        ),
        ("curl/8.5.0", Device(DeviceType.OTHER, OTHER, OTHER)),
        ("Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15", None),
        ("?", Device(DeviceType.OTHER, OTHER, OTHER)),
    ],
    ids=["iphone", "laptop", "ipad", "android-tablet", "android-phone", "mac", "bot", "curl", "console", "nothing"],
)
def test_user_agent_is_read(user_agent: str, device: Device | None) -> None:
    if device is None:
        assert device_of(user_agent).type is DeviceType.CONSOLE
    else:
        assert device_of(user_agent) == device


@pytest.mark.parametrize(
    "user_agent",
    [
        "canary5f1d",
        "canary5f1dBot/1.0",
        "Mozilla/5.0 (canary5f1d; canary5f1d 1.0) canary5f1d/1.0",
        "canary5f1d Crawler",
        "Mozilla/5.0 (Windows NT canary5f1d) canary5f1dBrowser/7.1 Chrome/120.0 Safari/537.36",
        "canary5f1d-spider/1 (+mailto:canary5f1d@example.com)",
        "x" * 60_000 + "canary5f1d",
    ],
    ids=range(7),
)
def test_nothing_a_stranger_wrote_becomes_a_word(user_agent: str) -> None:
    device = device_of(user_agent)

    assert device.os in SYSTEMS | {OTHER}
    assert device.browser in BROWSERS | {OTHER}
