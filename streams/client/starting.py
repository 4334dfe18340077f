"""Where reading starts: at an end of the log, at a moment, a way before the end, or at positions kept by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from streams.client.errors import PositionLostError
from streams.client.messages import Positions, place
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafka import KafkaConsumer, TopicPartition

__all__ = ["Since", "check_since", "offsets_at", "resume_at"]

Since = Literal["earliest", "latest"] | datetime | int | Positions


def check_since(since: Any) -> Since:  # noqa: ANN401 - whatever the caller gave
    """Return `since` if reading can start there; None is the earliest.

    Raises: ConfigurationError.
    """
    if since is None:
        return "earliest"
    if isinstance(since, datetime) and since.tzinfo is None:
        raise ConfigurationError(f"since: {since.isoformat()} has no zone; give an aware datetime, such as in UTC")
    known = isinstance(since, datetime | Mapping) or since in ("earliest", "latest") or _is_count(since)
    if not known:
        raise ConfigurationError(
            f"since: {since!r}; give 'earliest', 'latest', an aware datetime, a count or positions"
        )
    found: Since = since
    return found


def _is_count(since: object) -> bool:
    return isinstance(since, int) and not isinstance(since, bool) and since >= 0


def offsets_at(
    consumer: KafkaConsumer, since: Since, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the offset of each partition that `since` means now.

    A number means so many offsets before the end (markers of transactions take offsets too). A moment is that of
    ingest: the first record written then or later.
    """
    if isinstance(since, Mapping):
        return resume_at(consumer, since, partitions)
    first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    if since == "earliest":
        return dict(first)
    if isinstance(since, datetime):
        at = consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
        return {tp: last[tp] if at.get(tp) is None else at[tp].offset for tp in partitions}
    back = since if isinstance(since, int) else 0
    return {tp: max(first[tp], last[tp] - back) for tp in partitions}


def resume_at(
    consumer: KafkaConsumer, positions: Mapping[str, int], partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the offset of each partition in `positions`; one that is not among them starts at its beginning.

    Raises: PositionLostError if the log does not reach there; ConfigurationError if they are of another topic.
    """
    first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    wanted = {tp: positions.get(place(*tp)) for tp in partitions}
    if positions and all(offset is None for offset in wanted.values()):
        raise ConfigurationError(f"positions of {min(positions)} cannot resume {partitions[0].topic}; store them apart")
    for tp, offset in wanted.items():
        if offset is not None:
            _check_reach(place(*tp), offset, first[tp], last[tp])
    return {tp: first[tp] if offset is None else offset for tp, offset in wanted.items()}


def _check_reach(where: str, offset: Any, first: int, last: int) -> None:  # noqa: ANN401 - from the caller's own store
    if not _is_count(offset):
        raise ConfigurationError(f"position of {where}: {offset!r} is no offset; pass what `positions` gave")
    if offset < first:
        lost = f"{first - offset} records that retention may have removed are before it"
        raise PositionLostError(
            f"{where}@{offset}: the log starts at {first}; {lost}: start anew with since='earliest'"
        )
    if offset > last:
        remedy = "was the topic made anew? start anew with since='earliest'"
        raise PositionLostError(f"{where}@{offset}: the log ends at {last}; {remedy}")
