"""The fields of each topic's messages that a filter can name, with what kind of value they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - read again as hints of a NamedTuple
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
import msgspec.inspect

from streams.client.messages import RawRecord, RejectedRecord
from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick, event_key
from streams.core.tension import ActorRow, DyadRow

__all__ = ["Either", "Field", "Kind", "Withheld", "fields_of", "has_open_fields", "open_field"]

Kind = Literal["number", "text", "truth", "time", "day", "list", "object", "any"]


class Field(NamedTuple):
    """A field as a filter sees it: its kind, and how to take it from a message's value (None if it is null)."""

    kind: Kind
    take: Callable[[Any], Any]


class Either(tuple[str, ...]):
    """The actors of a message: a comparison holds if it holds for one of them."""

    __slots__ = ()


class Withheld:
    """The text of a retraction, which went with the report: each comparison with it gives `answer`."""

    def __init__(self, answer: bool) -> None:  # noqa: FBT001 - there is nothing else to name
        self.answer = answer

    def __bool__(self) -> bool:
        return self.answer


_KINDS: Final[dict[type[msgspec.inspect.Type], Kind]] = {
    msgspec.inspect.IntType: "number",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.StrType: "text",
    msgspec.inspect.LiteralType: "text",
    msgspec.inspect.BoolType: "truth",
    msgspec.inspect.DateTimeType: "time",
    msgspec.inspect.DateType: "day",
    msgspec.inspect.TupleType: "list",
    msgspec.inspect.VarTupleType: "list",
}
_STRUCTS: Final[dict[str, tuple[type[msgspec.Struct], ...]]] = {
    "reports.unique": (ReportState, Tick),
    "reports.duplicate": (DuplicateRecord,),
    "reports.rejected": (RejectedRecord,),
    "events.coded": (CodedEvent,),
    "tension.actors": (ActorRow,),
    "tension.dyads": (DyadRow,),
}
# What feeders may send; they alone see to the types.
_RAW_FIELDS: Final = "source id published_at title text url language version updated_at status".split()
_ALIASES: Final[dict[str, dict[str, Field]]] = {
    "reports.unique": {"kind": Field("text", lambda value: "tick" if isinstance(value, Tick) else "report")},
    "events.coded": {
        "source": Field("text", lambda event: event.source_actor.id),
        "target": Field("text", lambda event: event.target_actor.id),
        "actor": Field("text", lambda event: Either((event.source_actor.id, event.target_actor.id))),
        "dyad": Field("text", lambda event: event_key(event.source_actor.id, event.target_actor.id)),
    },
    "tension.dyads": {
        "actor": Field("text", lambda row: Either((row.source, row.target))),
        "dyad": Field("text", lambda row: event_key(row.source, row.target)),
    },
}


@cache
def fields_of(topic: str) -> Mapping[str, Field]:
    """Return dotted name -> field of a topic's messages, short aliases included."""
    found: dict[str, Field] = {}
    if topic == "reports.raw":
        found = {name: open_field(name) for name in _RAW_FIELDS}
    for struct in _STRUCTS.get(topic, ()):
        found.update(_fields(struct, ()))
    found.pop("raw", None)
    return {**found, **_ALIASES.get(topic, {})}


def has_open_fields(topic: str) -> bool:
    """Return whether the messages of `topic` may hold fields that no contract names yet."""
    return topic == "tension.alerts"


def open_field(name: str) -> Field:
    """Return the field `name` of a message whose value is a plain JSON object; of any kind, null if it is missing."""

    def take(value: Any) -> Any:  # noqa: ANN401 - JSON
        found = value.fields if isinstance(value, RawRecord) else value
        for step in name.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found

    return Field("any", take)


def _fields(struct: type[msgspec.Struct], path: tuple[str, ...]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for field in msgspec.structs.fields(struct):
        steps = (*path, field.name)
        inner = _bare(msgspec.inspect.type_info(field.type))
        found[".".join(steps)] = Field(_KINDS.get(type(inner), "object"), _walk(steps))
        if isinstance(inner, msgspec.inspect.StructType):
            found.update(_fields(inner.cls, steps))
    return found


def _bare(described: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """Return a type without what is told about it, and without null."""
    if isinstance(described, msgspec.inspect.Metadata):
        return _bare(described.type)
    if isinstance(described, msgspec.inspect.UnionType):
        return _bare(next(part for part in described.types if not isinstance(part, msgspec.inspect.NoneType)))
    return described


def _walk(steps: tuple[str, ...]) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:  # noqa: ANN401 - the value of a message
        for step in steps:
            value = getattr(value, step, None)
        return value

    return take
