"""Reading `reports.rejected`: each record with what its headers say, and which of them were sent back already."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kafka import TopicPartition

from streams.cli.topics import connect_admin, require_topics
from streams.client.reading import open_consumer
from streams.core.errors import REJECT_CODES, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kafka import KafkaConsumer

    from streams.settings import Settings

__all__ = [
    "REDRIVEN_HEADER",
    "UNKNOWN",
    "Letter",
    "Selection",
    "parse_place",
    "read_letters",
    "read_redriven",
    "remedy_of",
]

# What a record carries that was sent back: the place of its rejection, `topic[partition]@offset`.
REDRIVEN_HEADER: Final = "redriven_from"
# Code or stage of a record that somebody else wrote to the rejected topic.
UNKNOWN: Final = "unknown"
# Records on the source topics that are read for redriven ones unasked: a second or two.
CHEAP_RECORDS: Final = 50_000

_POLL_MS: Final = 500
_PLACE: Final = re.compile(r"(?:(?P<topic>[\w.-]+)\[(?P<bracketed>\d+)\]|(?P<partition>\d+))@(?P<offset>\d+)\Z")


class Letter(NamedTuple):
    """A rejected record: its place on `reports.rejected`, its bytes, and what the worker said of it.

    `topic`, `origin_partition`, `origin_offset`: where the record was refused. `at`: when it was.
    """

    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes
    code: str
    detail: str
    field: str
    stage: str
    topic: str
    origin_partition: int
    origin_offset: int

    @property
    def place(self) -> str:
        """Where it lies on `reports.rejected`."""
        return f"{self.partition}@{self.offset}"

    @property
    def origin(self) -> str:
        """Where it was refused."""
        return f"{self.topic}[{self.origin_partition}]@{self.origin_offset}"


class Place(NamedTuple):
    """Coordinates given by the user; `topic` is None for `reports.rejected`."""

    topic: str | None
    partition: int
    offset: int


class Selection(NamedTuple):
    """Which letters are meant: those with one of `places`, else of one of `codes`, a stage, and a first moment."""

    codes: tuple[str, ...] = ()
    stage: str | None = None
    since: datetime | None = None
    places: tuple[Place, ...] = ()

    def takes(self, letter: Letter) -> bool:
        """Return whether `letter` is meant."""
        if self.places:
            return any(_is_at(letter, place) for place in self.places)
        in_code = not self.codes or letter.code in self.codes
        in_stage = self.stage is None or letter.stage == self.stage
        return in_code and in_stage and (self.since is None or letter.at >= self.since)


def _is_at(letter: Letter, place: Place) -> bool:
    if place.topic is None:
        return (letter.partition, letter.offset) == (place.partition, place.offset)
    return (letter.topic, letter.origin_partition, letter.origin_offset) == place


def parse_place(text: str, settings: Settings) -> Place:
    """Return the coordinates in `text`: `0@17` on reports.rejected, or `TOPIC[0]@5` where the record was refused.

    Raises: ConfigurationError that shows both forms.
    """
    found = _PLACE.match(text)
    if found is None:
        forms = "partition@offset on reports.rejected (0@17), or its origin topic[partition]@offset"
        raise ConfigurationError(f"{text!r} is no place of a record: {forms}; `tensionwire dlq list` shows some")
    topic, offset = found["topic"], int(found["offset"])
    if topic is None:
        return Place(None, int(found["partition"]), offset)
    full = settings.topic(topic) if topic in ("reports.raw", "reports.unique", "reports.rejected") else topic
    return Place(None if full == settings.topic("reports.rejected") else full, int(found["bracketed"]), offset)


def read_letters(settings: Settings, selection: Selection) -> Iterator[Letter]:
    """Yield the letters that are meant, partition by partition, oldest first.

    Raises: ConfigurationError if the topic does not exist; BrokerAwayError.
    """
    topic = settings.topic("reports.rejected")
    with connect_admin(settings.bootstrap) as admin:
        require_topics(admin, [topic])
    consumer = open_consumer(settings.bootstrap)
    try:
        starts = _starts(consumer, topic, selection)
        for record in _read(consumer, starts):
            letter = _letter(record)
            if selection.takes(letter):
                yield letter
    finally:
        consumer.close()


def read_redriven(
    settings: Settings, letters: Iterable[Letter], *, most: int | None = CHEAP_RECORDS
) -> set[str] | None:
    """Return the places of letters that were sent back, from the headers on the topics that `letters` came from.

    Reads what those topics hold since the oldest letter; None if that is more than `most` records.
    """
    oldest: dict[str, datetime] = {}
    for letter in letters:
        # Inner records go to their own topic, and whoever mends a report may have keyed it to any partition.
        oldest[letter.topic] = min(oldest.get(letter.topic, letter.at), letter.at)
    consumer = open_consumer(settings.bootstrap)
    try:
        starts: dict[TopicPartition, int] = {}
        for topic, since in oldest.items():
            starts |= _starts(consumer, topic, Selection(since=since))
        ends = consumer.end_offsets(list(starts)) if starts else {}
        if most is not None and sum(ends[tp] - start for tp, start in starts.items()) > most:
            return None
        return set(_redriven_places(_read(consumer, starts), settings.topic("reports.rejected")))
    finally:
        consumer.close()


def remedy_of(code: str) -> str:
    """Return what the sender can do about `code`."""
    return REJECT_CODES.get(code, "not written by a worker of this version; look at the record and who sent it")


def _redriven_places(records: Iterable[Any], topic: str) -> Iterator[str]:
    for record in records:
        for name, value in record.headers:
            if name == REDRIVEN_HEADER:
                found = _PLACE.match(value.decode("utf-8", "replace"))
                if found is not None and found["topic"] == topic:
                    yield f"{found['bracketed']}@{found['offset']}"


def _starts(consumer: KafkaConsumer, topic: str, selection: Selection) -> dict[TopicPartition, int]:
    """Return partition -> first offset to read; partitions that cannot hold what is meant are left out."""
    tps = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    if not tps:
        return {}
    starts = dict(consumer.beginning_offsets(tps))
    if selection.since is not None:
        moments = consumer.offsets_for_times({tp: _millis(selection.since) for tp in tps})
        ends = consumer.end_offsets(tps)
        starts = {tp: moments[tp].offset if moments[tp] is not None else ends[tp] for tp in tps}
    if selection.places and all(place.topic is None for place in selection.places):
        first = {place.partition: place.offset for place in sorted(selection.places, reverse=True)}
        starts = {tp: max(start, first[tp.partition]) for tp, start in starts.items() if tp.partition in first}
    return starts


def _read(consumer: KafkaConsumer, starts: dict[TopicPartition, int]) -> Iterator[Any]:
    """Yield the committed records of each partition from its start to the end it has now."""
    ends = consumer.end_offsets(list(starts)) if starts else {}
    for tp, start in starts.items():
        consumer.assign([tp])
        consumer.seek(tp, start)
        while consumer.position(tp) < ends[tp]:
            for records in consumer.poll(_POLL_MS).values():
                yield from (record for record in records if record.offset < ends[tp])


def _letter(record: Any) -> Letter:  # noqa: ANN401 - ConsumerRecord
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return Letter(
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=record.key,
        value=record.value or b"",
        code=headers.get("code") or UNKNOWN,
        detail=headers.get("detail", ""),
        field=headers.get("field", ""),
        stage=headers.get("stage") or UNKNOWN,
        topic=headers.get("topic") or UNKNOWN,
        origin_partition=_number(headers.get("partition")),
        origin_offset=_number(headers.get("offset")),
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
