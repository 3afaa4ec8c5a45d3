"""The clock by which schemas judge what they are given: set around each reading of input."""

from datetime import datetime

from marshmallow.experimental.context import Context

RulesClock = Context[datetime]
"""`with RulesClock(now): …` around a load; fields ask `RulesClock.get()`."""
