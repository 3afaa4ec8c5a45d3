"""Whether an event is what OCSF says: by `pydantic-ocsf`, and by the rules of its own schema that it does not hold to.

The library takes unknown attributes, objects that break their `constraints`, and numbers in quotes.
"""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from ocsf._schema_loader import get_schema_loader
from ocsf.v1_7_0.events import ApiActivity, DetectionFinding
from pydantic import BaseModel

FREE = {"unmapped", "data"}
"""Attributes in which anything may stand."""
CLASSES: dict[int, type[BaseModel]] = {2004: DetectionFinding, 6003: ApiActivity}


@cache
def constraints_of(kind: str) -> dict[str, list[str]]:
    """The constraints of an object, which objects that extend it have too."""
    objects = get_schema_loader().load_schema("1.7.0")["objects"]
    kinds = {name.title().replace("_", ""): told for name, told in objects.items()}
    found: dict[str, list[str]] = kinds[kind].get("constraints", {}) if kind in kinds else {}
    return found


def faults(event: dict[str, Any], class_uid: int = 6003) -> list[str]:
    """What is wrong with an event of a class; raise pydantic's error where the library finds something."""
    # The library fills in names that are missing, in what it is given.
    read = CLASSES[class_uid].model_validate(deepcopy(event))
    found = [*_faults_in(read, event, "event")]
    if event["class_uid"] != class_uid or event["category_uid"] != class_uid // 1000:
        found.append("not of this class")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append("type_uid is not class_uid and activity_id")
    if event["activity_id"] == 99 and not event.get("activity_name"):
        found.append("an activity of its own needs a name")
    return found


def _faults_in(read: BaseModel, told: dict[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}.{name}: unknown" for name in read.model_extra or {})
    for kind, names in constraints_of(type(read).__name__).items():
        given = [name for name in names if told.get(name) is not None]
        if (kind == "at_least_one" and not given) or (kind == "just_one" and len(given) != 1):
            yield f"{where}: {kind} of {names}"
    for name, field in type(read).model_fields.items():
        key, value = field.alias or name, getattr(read, name)
        if key in told and key not in FREE:
            yield from _faults_of(value, told[key], f"{where}.{key}")


def _faults_of(read: Any, told: Any, where: str) -> Iterator[str]:
    if isinstance(read, BaseModel):
        yield from _faults_in(read, told, where)
    elif isinstance(read, list):
        for place, (each, original) in enumerate(zip(read, told, strict=True)):
            yield from _faults_of(each, original, f"{where}[{place}]")
    elif told in (None, "") or type(told) is not type(read):
        yield f"{where}: {told!r} is null, empty or not a {type(read).__name__}"
