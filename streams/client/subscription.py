"""Reading on: one topic's committed messages, one at a time, with the place kept by Kafka or by the caller."""

from __future__ import annotations

import heapq
import time
import weakref
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from streams.client.connection import connect, partitions
from streams.client.errors import PositionLostError, UndecodableMessageError
from streams.client.messages import DEFAULT_PREFIX, Message, full_name, place
from streams.client.options import Options, selection
from streams.client.starting import check_since, offsets_at
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from kafka import KafkaConsumer

    from streams.client.messages import Positions

__all__ = ["Subscription"]

T = TypeVar("T")

_POLL_SECONDS: Final = 0.5
# How often a reader outside any group looks for partitions added to its topic.
_NEW_PARTITIONS_SECONDS: Final = 10.0
# Records handed over at once. A group's members must come back within `max_poll_interval_ms` (5 min) after so many.
_BATCH: Final = 2000
_GROUP_BATCH: Final = 200
# The group has moved on without us: what was not committed comes again, to us or to another member.
_EVICTED: Final = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


class Subscription(Iterator[Message[T]], Generic[T]):
    """What `subscribe` returns: iterate it, or `poll` it between other work. For one thread.

    `read`, `matched`, `skipped`: records so far that were read, handed over, and could not be decoded.
    """

    def __init__(self, bootstrap: str, topic: str, how: Options) -> None:
        self.topic = topic
        self.full_name = full_name(topic, how.get("prefix", DEFAULT_PREFIX))
        self.read = self.matched = self.skipped = 0
        self._wanted = selection(topic, how)
        self._since = check_since(how.get("resume") or how.get("since"))
        self._group = how.get("group")
        self._idle, self._on_error = how.get("idle"), how.get("on_error")
        self._ends: dict[TopicPartition, int] | None = None
        self._follow = how.get("follow", True)
        self._buffer: deque[Any] = deque()
        self._positions: Positions = {}
        self._done: dict[TopicPartition, int] = {}
        self._in_hand: TopicPartition | None = None
        self._consumer = _open(bootstrap, how)
        self._closing = weakref.finalize(self, self._consumer.close)
        self._start(bootstrap)
        timeout = how.get("timeout")
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._heard = self._looked = time.monotonic()

    def __next__(self) -> Message[T]:
        self._in_hand = None
        while not self._is_over():
            message = self.poll(_POLL_SECONDS)
            if message is not None:
                return message
        self.close()
        raise StopIteration

    def poll(self, timeout: float = 0.0) -> Message[T] | None:
        """Return the next message, waiting at most `timeout` seconds for it; else None. The one before counts as done.

        Raises: UndecodableMessageError, PositionLostError; KafkaError for what waiting does not mend.
        """
        self._in_hand = None
        until = time.monotonic() + timeout
        if self._deadline is not None:
            until = min(until, self._deadline)
        while self._closing.alive:
            while self._buffer:
                message = self._take(self._buffer.popleft())
                if message is not None:
                    return message
            left = until - time.monotonic()
            if not self._fetch(max(0.0, min(left, _POLL_SECONDS))) and (left <= 0 or self._at_end()):
                return None
        return None

    @property
    def positions(self) -> Positions:
        """Where to resume after the message handed over last: store it, pass it as `resume`."""
        return dict(self._positions)

    @property
    def is_open(self) -> bool:
        """Whether more can come."""
        return bool(self._closing.alive) and not self._is_over()

    def close(self) -> None:
        """Commit what is done, if in a group, and close the connection."""
        if self._closing.alive:
            self._commit()
            self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _start(self, bootstrap: str) -> None:
        try:
            found = partitions(self._consumer, self.full_name, bootstrap)
            self._known = set(found)
            if self._group is not None:
                self._consumer.subscribe([self.full_name])
            else:
                self._consumer.assign(found)
                self._seek(offsets_at(self._consumer, self._since, found))
            if not self._follow:
                self._ends = dict(self._consumer.end_offsets(found))
        except BaseException:
            self._closing()
            raise

    def _seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        for tp, offset in offsets.items():
            self._consumer.seek(tp, offset)
            self._positions[place(*tp)] = offset

    def _fetch(self, timeout: float) -> bool:
        """Fill the buffer; return whether anything came."""
        self._commit()
        try:
            batches = self._consumer.poll(int(timeout * 1000))
        except NoOffsetForPartitionError as error:
            return self._begin(list(error.args[0]))
        except OffsetOutOfRangeError as error:
            lost = ", ".join(f"{place(*tp)}@{offset}" for tp, offset in error.args[0].items())
            remedy = "retention removed it; start anew with since='earliest'"
            raise PositionLostError(f"{lost}: is no longer in the log; {remedy}") from None
        self._look_for_partitions()
        if batches:
            self._heard = time.monotonic()
            self._buffer.extend(heapq.merge(*batches.values(), key=_timestamp))
        return bool(batches)

    def _begin(self, fresh: list[TopicPartition]) -> bool:
        """Start the group on partitions it has no offsets for, and commit that: a restart must not start elsewhere."""
        added = [tp for tp in fresh if tp not in self._known]
        offsets = offsets_at(self._consumer, self._since, [tp for tp in fresh if tp in self._known])
        offsets |= offsets_at(self._consumer, "earliest", added) if added else {}
        self._seek(offsets)
        self._known.update(added)
        self._done.update(offsets)
        return True

    def _look_for_partitions(self) -> None:
        if self._group is not None or time.monotonic() - self._looked < _NEW_PARTITIONS_SECONDS:
            return
        self._looked = time.monotonic()
        numbers = self._consumer.partitions_for_topic(self.full_name) or ()
        added = [tp for number in numbers if (tp := TopicPartition(self.full_name, number)) not in self._known]
        if added:
            self._known.update(added)
            self._consumer.assign(sorted(self._known))
            self._seek(offsets_at(self._consumer, "earliest", added))

    def _take(self, record: Any) -> Message[T] | None:  # noqa: ANN401 - ConsumerRecord
        tp = TopicPartition(record.topic, record.partition)
        if self._ends is not None and record.offset >= self._ends.get(tp, 0):
            return None
        self.read += 1
        message: Message[T] | None = None
        try:
            message = self._wanted(record)
        except UndecodableMessageError as error:
            if self._on_error is None:
                self.close()
                raise
            self.skipped += 1
            self._on_error(error)
        self._positions[place(*tp)] = self._done[tp] = record.offset + 1
        if message is not None:
            self.matched += 1
            self._in_hand = tp
        return message

    def _commit(self) -> None:
        """Commit, in a group, what the caller has come back from."""
        if self._group is None or not self._done:
            return
        held = set(self._consumer.assignment())
        offsets = {tp: offset - (tp == self._in_hand) for tp, offset in self._done.items() if tp in held}
        try:
            if offsets:
                self._consumer.commit({tp: OffsetAndMetadata(offset, "", -1) for tp, offset in offsets.items()})
        except _EVICTED:
            pass
        self._done = {}

    def _is_over(self) -> bool:
        if not self._closing.alive:
            return True
        now = time.monotonic()
        late = self._deadline is not None and now >= self._deadline
        silent = self._idle is not None and not self._buffer and now - self._heard >= self._idle
        return late or silent or self._at_end()

    def _at_end(self) -> bool:
        if self._ends is None or self._buffer:
            return False
        assigned = self._consumer.assignment()
        return bool(assigned) and all(self._reached(tp) for tp in assigned)

    def _reached(self, tp: TopicPartition) -> bool:
        end = (self._ends or {}).get(tp, 0)
        if end == 0:
            return True
        try:
            return bool(self._consumer.position(tp) >= end)
        except NoOffsetForPartitionError:
            return False


def _open(bootstrap: str, how: Options) -> KafkaConsumer:
    group = how.get("group")
    if group is None:
        return connect(bootstrap, how.get("options"), max_poll_records=_BATCH)
    if how.get("resume"):
        raise ConfigurationError("give `group` or `resume`, not both: one of them keeps the place")
    return connect(bootstrap, how.get("options"), max_poll_records=_GROUP_BATCH, group_id=group)


def _timestamp(record: Any) -> int:  # noqa: ANN401 - ConsumerRecord
    return int(record.timestamp)
