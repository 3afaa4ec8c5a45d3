"""What the demo's members say about themselves: invented, and tame."""

from random import Random

WORDS = {
    "gender": ("female", "male", "non-binary"),
    "location": ("by the sea", "in the hills", "a river town", "the old harbour", "a quiet valley"),
    "sexual_preferences": ("open-minded", "romantic", "curious"),
    "personal_specialty": ("pancakes", "card tricks", "bad puns", "star charts"),
    "turn_ons": ("confidence", "laughter", "long talks"),
    "dislikes": ("rudeness", "hurry", "small talk"),
    "occupation": ("gardener", "baker", "engineer", "teacher", "night porter"),
    "leisure": ("hiking", "chess", "old films", "sailing"),
    "feel_special": ("remember my name", "a good listener", "surprises"),
}
MASKS = ("silver-fox", "gold-dragon", "jade-owl", "violet-hare", "copper-wolf")


def profile(username: str, chance: Random, *, whole: bool) -> dict[str, object]:
    """Some of the eleven items, or all of them."""
    items: dict[str, object] = {"nickname": username.partition("_")[0].title(), "age": chance.randrange(21, 66)}
    items |= {name: chance.choice(words) for name, words in WORDS.items()}
    return items if whole else {name: value for name, value in items.items() if chance.random() < 0.6}  # noqa: PLR2004 - a share
