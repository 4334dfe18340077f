"""Reading topics from end to end: every committed record that is there now."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaConsumer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_consumer", "partitions_of", "read_partition", "read_record", "read_table", "read_topic"]

_POLL_MS: Final = 500
_FETCH_BYTES: Final = 8 * 1024 * 1024


def open_consumer(bootstrap: str, isolation_level: str = "read_committed") -> KafkaConsumer:
    """Return a consumer outside any group; by default it sees committed records only."""
    return KafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        isolation_level=isolation_level,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
        max_poll_records=5000,
    )


def partitions_of(bootstrap: str, topic: str) -> list[int]:
    """Return the partitions of `topic`; none if it does not exist."""
    consumer = open_consumer(bootstrap)
    try:
        return sorted(consumer.partitions_for_topic(topic) or ())
    finally:
        consumer.close()


def read_partition(
    bootstrap: str, topic: str, partition: int, isolation_level: str = "read_committed"
) -> Iterator[Any]:
    """Yield the records of one partition, from the first to the (stable) end it has now."""
    consumer = open_consumer(bootstrap, isolation_level)
    tp = TopicPartition(topic, partition)
    try:
        consumer.assign([tp])
        consumer.seek_to_beginning(tp)
        end = consumer.end_offsets([tp])[tp]
        while consumer.position(tp) < end:
            for records in consumer.poll(_POLL_MS).values():
                yield from records
    finally:
        consumer.close()


def read_topic(bootstrap: str, topic: str) -> Iterator[Any]:
    """Yield the records of all partitions, merged by timestamp; within a partition in log order."""
    streams = [read_partition(bootstrap, topic, number) for number in partitions_of(bootstrap, topic)]
    return heapq.merge(*streams, key=lambda record: int(record.timestamp))


def read_record(consumer: KafkaConsumer, topic: str, partition: int, offset: int) -> Any:  # noqa: ANN401 - ConsumerRecord
    """Return one record again.

    Raises: LookupError if it is no longer there.
    """
    tp = TopicPartition(topic, partition)
    consumer.assign([tp])
    consumer.seek(tp, offset)
    for records in consumer.poll(10 * _POLL_MS, max_records=1).values():
        if records[0].offset == offset:
            return records[0]
    raise LookupError(f"{topic}[{partition}]@{offset} is gone")


def read_table(bootstrap: str, topic: str) -> dict[str, bytes]:
    """Return the newest value of every key of a compacted topic; deleted keys are left out."""
    table: dict[str, bytes] = {}
    for number in partitions_of(bootstrap, topic):
        for record in read_partition(bootstrap, topic, number):
            key = record.key.decode()
            if record.value is None:
                table.pop(key, None)
            else:
                table[key] = record.value
    return table
