"""The tension tables as they are now: the newest row of each key of a compacted topic, kept up to date on demand."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, overload

from streams.client.connection import connect, partitions
from streams.client.messages import DEFAULT_PREFIX, decode_record, full_name, place
from streams.core.tension import ActorRow, DyadRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Self

    from kafka import KafkaConsumer

    from streams.client.messages import Positions

__all__ = ["TensionTable"]

Row = TypeVar("Row", ActorRow, DyadRow)
# Longest single wait inside the Kafka client; what comes in earlier is returned earlier.
_POLL_MS: Final = 500


class TensionTable(Mapping[str, Row], Generic[Row]):
    """Key -> newest row: `ActorRow` by actor id, or `DyadRow` by `SRC>TGT`. Not for use by several threads at once.

    Empty until `load`. Within its partition the later record of a key holds; a tombstone removes the key.
    Raises: BrokerAwayError, TopicMissingError; `load` and `update` also UndecodableMessageError.

        with TensionTable("127.0.0.1:9092") as table:
            table.load()
            print(table["RUS"].tension, [row.actor for row in table.rows()[:5]])
            while True:
                for actor in table.update(timeout=10): ...
    """

    @overload
    def __init__(
        self: TensionTable[ActorRow],
        bootstrap: str,
        *,
        prefix: str = ...,
        topic: Literal["tension.actors"] = ...,
        options: Mapping[str, Any] | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: TensionTable[DyadRow],
        bootstrap: str,
        *,
        prefix: str = ...,
        topic: Literal["tension.dyads"],
        options: Mapping[str, Any] | None = ...,
    ) -> None: ...

    def __init__(
        self,
        bootstrap: str,
        *,
        prefix: str = DEFAULT_PREFIX,
        topic: Literal["tension.actors", "tension.dyads"] = "tension.actors",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._topic = topic
        self._rows: dict[str, Row] = {}
        self._consumer: KafkaConsumer = connect(bootstrap, options, max_poll_records=5000)
        try:
            self._partitions = partitions(self._consumer, full_name(topic, prefix), bootstrap)
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.assign(self._partitions)
        self._consumer.seek_to_beginning(*self._partitions)

    def load(self) -> Self:
        """Read to the end that the topic has now; return the table itself."""
        ends = self._consumer.end_offsets(self._partitions)
        while any(self._consumer.position(tp) < end for tp, end in ends.items()):
            self._poll(_POLL_MS)
        return self

    def update(self, timeout: float = 0.0) -> set[str]:
        """Return the keys whose rows changed or went; waits up to `timeout` seconds for the first change."""
        deadline = time.monotonic() + timeout
        while not (changed := self._poll(_left_ms(deadline))) and time.monotonic() < deadline:
            pass
        return changed

    def rows(self) -> list[Row]:
        """Return the rows, the most tense first; equals in order of their keys."""
        return [row for _, row in sorted(self._rows.items(), key=lambda item: (-item[1].tension, item[0]))]

    @property
    def watermark(self) -> datetime | None:
        """The event time that the newest row has seen; None if no row has seen any."""
        return max((row.watermark for row in self._rows.values() if row.watermark is not None), default=None)

    @property
    def as_of(self) -> datetime | None:
        """The newest `as_of` of a row; None if there are no rows."""
        return max((row.as_of for row in self._rows.values()), default=None)

    @property
    def positions(self) -> Positions:
        """Where the table stands in the log: what is before is in it."""
        return {place(tp.topic, tp.partition): self._consumer.position(tp) for tp in self._partitions}

    def close(self) -> None:
        """Close the connection; the rows stay."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _poll(self, wait_ms: int) -> set[str]:
        changed: set[str] = set()
        for records in self._consumer.poll(wait_ms).values():
            for record in records:
                message = decode_record(self._topic, record)
                if message.key is None:
                    continue
                changed.add(message.key)
                if message.value is None:
                    self._rows.pop(message.key, None)
                else:
                    self._rows[message.key] = message.value
        return changed


def _left_ms(deadline: float) -> int:
    return max(0, min(_POLL_MS, int((deadline - time.monotonic()) * 1000)))
