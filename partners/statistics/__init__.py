"""Statistics: counters added to when events are applied (R10), and the questions that are asked over them."""

from partners.statistics.counters import count
from partners.statistics.questions import Answer, Choice, Question, Sort, by_sub

__all__ = [
    "Answer",
    "Choice",
    "Question",
    "Sort",
    "by_sub",
    "count",
]
