"""Statistics: counters added to when events are applied (R10), and the questions that are asked over them."""

from partners.statistics.counters import Counters, count
from partners.statistics.queries import EVERY_STATEMENT, Asking, columns_for
from partners.statistics.questions import Answer, Choice, Question, Sort, by_sub
from partners.statistics.recounting import recount

__all__ = [
    "EVERY_STATEMENT",
    "Answer",
    "Asking",
    "Choice",
    "Counters",
    "Question",
    "Sort",
    "by_sub",
    "columns_for",
    "count",
    "recount",
]
