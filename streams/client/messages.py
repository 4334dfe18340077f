"""The public topics as typed messages: what each record's value is, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import msgspec

from streams.client.errors import UndecodableMessageError
from streams.core.errors import ConfigurationError
from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick
from streams.core.tension import ActorRow, DyadRow

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT_PREFIX",
    "TOPICS",
    "Message",
    "Positions",
    "RawRecord",
    "RejectedRecord",
    "TopicName",
    "actors_of",
    "decode_record",
    "full_name",
    "place",
]

DEFAULT_PREFIX: Final = "tensionwire"
TopicName = Literal[
    "reports.raw",
    "reports.unique",
    "reports.duplicate",
    "reports.rejected",
    "events.coded",
    "tension.actors",
    "tension.dyads",
    "tension.alerts",
]
# `TOPIC[PARTITION]` -> offset to read next; a JSON object as it stands.
Positions = dict[str, int]
T_co = TypeVar("T_co", covariant=True)

# Topics on which a null value is a tombstone: the key has gone.
_COMPACTED: Final = ("tension.actors", "tension.dyads")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`reports.raw`: the bytes as they came; `fields` is their JSON object, empty if they are none."""

    raw: bytes
    fields: dict[str, Any]


class RejectedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`reports.rejected`: original bytes, why they were rejected (`code`), where they lie (`topic` to `offset`)."""

    raw: bytes
    code: str
    detail: str
    field: str
    stage: str
    topic: str
    partition: int
    offset: int
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Message(Generic[T_co]):
    """One committed record: `value` (None for a tombstone), its place, and when it was written.

    `topic`: short name, such as `events.coded`. `position`: where to go on after it, in its own partition;
    merge it into a stored dict (`stored |= message.position`) and pass that as `resume`.
    """

    value: T_co
    key: str | None
    topic: str
    partition: int
    offset: int
    ingested_at: datetime
    position: Positions


def full_name(topic: str, prefix: str = DEFAULT_PREFIX) -> str:
    """Return the full name of a public topic.

    Raises: ConfigurationError naming the topics there are.

    >>> full_name("events.coded")
    'tensionwire.events.coded.v1'
    """
    if topic not in TOPICS:
        raise ConfigurationError(f"no topic {topic!r}; the public topics are {', '.join(TOPICS)}")
    return f"{prefix}.{topic}.v1"


def place(topic: str, partition: int) -> str:
    """Return the key of a partition in `Positions`.

    >>> place("tensionwire.events.coded.v1", 3)
    'tensionwire.events.coded.v1[3]'
    """
    return f"{topic}[{partition}]"


def decode_record(name: str, record: Any) -> Message[Any]:  # noqa: ANN401 - ConsumerRecord; the value depends on `name`
    """Return the message of a Kafka record on the topic with the short name `name`.

    Raises: UndecodableMessageError with the record's place.
    """
    try:
        value = None if record.value is None and name in _COMPACTED else TOPICS[name](record)
        key = None if record.key is None else record.key.decode("utf-8", "replace")
    except (ValueError, KeyError, msgspec.MsgspecError, RecursionError) as error:
        reason = f"missing header {error}" if isinstance(error, KeyError) else str(error)
        raise UndecodableMessageError(record.topic, record.partition, record.offset, reason, record.value) from None
    position = {place(record.topic, record.partition): record.offset + 1}
    return Message(value, key, name, record.partition, record.offset, _moment(record.timestamp), position)


def actors_of(record: Any) -> frozenset[str]:  # noqa: ANN401 - ConsumerRecord
    """Return the ids of the actors that a record is about, read from its key: one, or the two of a dyad."""
    return frozenset((record.key or b"").decode("utf-8", "replace").split(">"))


def _moment(timestamp_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=timestamp_ms)


def _json(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type or a union of types
    decoder = msgspec.json.Decoder(kind)

    def decode(record: Any) -> Any:  # noqa: ANN401 - ConsumerRecord
        if record.value is None:
            raise ValueError("no value, on a topic that has no tombstones")
        return decoder.decode(record.value)

    return decode


def _raw(record: Any) -> RawRecord:  # noqa: ANN401 - ConsumerRecord
    # What a feeder sent need not be JSON at all; the worker rejects it, a reader shows it.
    try:
        fields = msgspec.json.decode(record.value or b"")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        fields = None
    return RawRecord(raw=record.value or b"", fields=fields if isinstance(fields, dict) else {})


def _rejected(record: Any) -> RejectedRecord:  # noqa: ANN401 - ConsumerRecord
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return RejectedRecord(
        raw=record.value or b"",
        code=headers["code"],
        detail=headers["detail"],
        field=headers["field"],
        stage=headers["stage"],
        topic=headers["topic"],
        partition=int(headers["partition"]),
        offset=int(headers["offset"]),
        ingested_at=_moment(int(headers["ingested_at_ms"])),
    )


# Short name -> how the value of a record there is read.
TOPICS: Final[dict[str, Callable[[Any], Any]]] = {
    "reports.raw": _raw,
    "reports.unique": _json(ReportState | Tick),
    "reports.duplicate": _json(DuplicateRecord),
    "reports.rejected": _rejected,
    "events.coded": _json(CodedEvent),
    "tension.actors": _json(ActorRow),
    "tension.dyads": _json(DyadRow),
    "tension.alerts": _json(dict[str, Any]),
}
