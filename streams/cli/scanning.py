"""Reading of topics for questions: only the partitions that can hold the keys asked for, with progress if it lasts."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2

from streams.client.connection import connect, partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = ["Scanner", "partition_of", "place_of"]

_POLL_MS: Final = 500
# A scan that takes longer says how far it is, and again that often.
_PROGRESS_SECONDS: Final = 1.0


def partition_of(key: str, count: int) -> int:
    """Return the partition that the worker, and every client's murmur2 partitioner, picks for `key`."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % count)


def place_of(record: Any) -> str:  # noqa: ANN401 - ConsumerRecord
    """Return where a record lies, as `topic[partition]@offset`."""
    return f"{record.topic}[{record.partition}]@{record.offset}"


class Found(NamedTuple):
    """A record's value and where it lies."""

    value: bytes
    place: str


class Scanner:
    """One connection over which topics are read from their beginning to the end they have then; committed records only.

    Raises: BrokerAwayError, TopicMissingError.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer = connect(bootstrap, max_poll_records=5000)
        self._counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._consumer.close()

    def count(self, topic: str) -> int:
        """Return how many partitions `topic` has."""
        if topic not in self._counts:
            self._counts[topic] = len(partitions(self._consumer, topic, self._bootstrap))
        return self._counts[topic]

    def records(self, topic: str, keys: Collection[str] | None = None) -> Iterator[Any]:
        """Yield the records under `keys`, or all of them; those of one key in log order."""
        wanted = None if keys is None else {key.encode() for key in keys}
        for record in self._all(topic, self._partitions(topic, keys)):
            if wanted is None or record.key in wanted:
                yield record

    def newest(
        self, topic: str, *, within: Collection[str] | None = None, wanted: Callable[[str], bool] | None = None
    ) -> dict[str, Found]:
        """Return key -> newest value of a compacted topic, deleted keys left out.

        `within`: keys whose partitions are read, all if None. `wanted`: which keys of them count.
        """
        table: dict[str, Found] = {}
        for record in self._all(topic, self._partitions(topic, within)):
            key = (record.key or b"").decode("utf-8", "replace")
            if wanted is not None and not wanted(key):
                continue
            if record.value is None:
                table.pop(key, None)
            else:
                table[key] = Found(record.value, place_of(record))
        return table

    def _partitions(self, topic: str, keys: Collection[str] | None) -> list[int]:
        count = self.count(topic)
        return list(range(count)) if keys is None else sorted({partition_of(key, count) for key in keys})

    def _all(self, topic: str, numbers: list[int]) -> Iterator[Any]:
        places = [TopicPartition(topic, number) for number in numbers]
        if not places:
            return
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        ends = self._consumer.end_offsets(places)
        progress = _Progress(topic, places, self._consumer, ends)
        while any(self._consumer.position(tp) < end for tp, end in ends.items()):
            for records in self._consumer.poll(_POLL_MS).values():
                yield from records
            progress.tell()
        progress.done()


class _Progress:
    """Says on standard error how much of a topic is read, once that has taken a while."""

    def __init__(
        self, topic: str, places: list[TopicPartition], consumer: KafkaConsumer, ends: dict[TopicPartition, int]
    ) -> None:
        self._topic, self._places, self._consumer, self._ends = topic, places, consumer, ends
        self._next = time.monotonic() + _PROGRESS_SECONDS
        self._begin: dict[TopicPartition, int] | None = None
        self._told = False

    def tell(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PROGRESS_SECONDS
        if self._begin is None:
            self._begin = self._consumer.beginning_offsets(self._places)
        done = sum(self._consumer.position(tp) - self._begin[tp] for tp in self._places)
        total = sum(self._ends[tp] - self._begin[tp] for tp in self._places)
        self._write(f"reading {self._topic}: {done} of {total} records")

    def _write(self, line: str) -> None:
        self._told = True
        end = "\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"{line}{end}")
        sys.stderr.flush()

    def done(self) -> None:
        if self._told and sys.stderr.isatty():
            sys.stderr.write("\x1b[2K\r")
