"""Usernames: one spelling each, and those that could identify a person are found."""

from datetime import UTC, datetime
from time import process_time

import pytest

from partners.usernames import LONGEST, acceptable, blocked_until, fold, harmless

JUDGED_WITHIN = 0.2
"""Seconds of the processor, many times what any takes."""


def test_spellings_of_one_username_fold_to_the_same() -> None:
    assert fold("Stra\u00dfe") == fold("STRASSE")
    assert fold("cafe\u0301") == fold("CAF\u00c9")
    assert fold("\u1e9e") == fold("ss")
    assert fold("night_owl") != fold("night.owl")


@pytest.mark.parametrize("username", ["\u03b1\u0345", "\u0130", "\u1f80", "\u01f0\u0323"])
def test_folding_again_changes_nothing(username: str) -> None:
    assert fold(fold(username)) == fold(username)


@pytest.mark.parametrize("username", ["a", "x" * 64, "%2F", "...", "名前", "émile", "a'b\"c", "🦉"])
def test_printable_username_is_acceptable(username: str) -> None:
    assert acceptable(username)


@pytest.mark.parametrize("username", ["", "x" * 65, "a b", "a/b", ".", "..", "\x7f", "a\u00a0b", "a\u3000b", "\u200d"])
def test_username_with_blanks_or_slash_or_nothing_to_see_is_not(username: str) -> None:
    assert not acceptable(username)


def test_former_username_is_blocked_for_a_calendar_year() -> None:
    assert blocked_until(datetime(2024, 2, 29, 12, tzinfo=UTC)) == datetime(2025, 2, 28, 12, tzinfo=UTC)


_ORDINARY = (
    "night_owl user.name2 19850412x j.smith Ünïcode_Näme anna85 x_2026_03_01_x mr.big sandra.k 007 12345 123456 a:b "
    "c++ émile 日本語ユーザー user-1234 agent.007 lucky777 dr.house Анна.петрова night.owl.2 v1.2.3 ab:cd 10:30 "
    "0xdeadbeef i.am.here rock&roll 100%me __proto__ st. no.1 user_2026 mr.no_one it.is-me "
    "black.cat james.bond हिन्दी_1234 ครีม_99"
)
ORDINARY = _ORDINARY.split()


@pytest.mark.parametrize("username", ORDINARY)
def test_ordinary_username_is_harmless(username: str) -> None:
    assert harmless(username)


LINE = "\u0332"
IDENTIFYING = {
    "numbers of the fewest digits": "anna123456789lu anna+1234567lu a1---2---3---4---5---6---7---8---9z",
    "addresses with what may follow": "owl.lu. owl.lu:8080 owl.lu?x owl.lu#x",
    "e-mail addresses": "john@example.com john.doe@mail.example j@x ＪＯＨＮ＠ＭＡＩＬ john[at]example",
    "handles": "@handle ＠handle ﹫handle night@owl",
    "phone numbers": (
        "+352621123456 00352621123456 +352-621-123-456 621.123.456 (621)123456 1234567 123-4567 tel:+352621 "
        "anna00352621123456 call.0621123456 ٠١٢٣٤٥٦٧٨ １２３４５６７８ 6_2_1_1_2_3_4 whatsapp-621123456"
    ),
    "card numbers": "4111111111111111 4111-1111-1111-1111 visa4111111111111111 378282246310005",
    "IP addresses": "192.168.1.1 8.8.8.8 x8.8.8.8 2001:db8::1 ::1 fe80::1 [2001:db8::1] 1.2.3.4:80",
    "shapes under combining marks": (
        f"x{(4 * LINE).join('621123456')} 8{LINE}.8{LINE}.8{LINE}.8{LINE} owl.c{LINE}om{LINE} हिन्दी.com"
    ),
    "URLs": (
        "www.example example.com EXAMPLE.COM foo.lu t.me my-site.co.uk example.com:8080 https:example mailto:x "
        "пример.рф visit_example.com ｅｘａｍｐｌｅ．ｃｏｍ foo.xxx example.com. foo.name foo.dating foo\u3002com "
        "xn--fiq.xn--fiqs8s johndoe.berlin johndoe.london johndoe.wiki johndoe.travel "
        "john.ninja:8080 (john.de) john.de! john.de|me john.de. [john.de] дом.москва"
    ),
}


@pytest.mark.parametrize("kind", IDENTIFYING)
def test_username_that_could_identify_is_not_harmless(kind: str) -> None:
    assert [username for username in IDENTIFYING[kind].split() if harmless(username)] == []


@pytest.mark.parametrize("end", ["", ".", "x", "!"])
@pytest.mark.parametrize("filling", ["1_", "a.", "-", ":", "1:", "a-", "0", "(", "a", "a1", "\ufdfa"])
def test_no_username_takes_long_to_judge(filling: str, end: str) -> None:
    """Tried one character longer each time: what doubles with each is found before it takes hours."""
    for length in range(1, LONGEST + 1):
        username = (filling * LONGEST)[: length - len(end)] + end
        before = process_time()
        harmless(username)

        assert process_time() - before < JUDGED_WITHIN, username
