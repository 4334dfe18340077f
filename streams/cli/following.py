"""A tension table followed in a thread of its own, through outages, so that a screen never waits for Kafka."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from streams.cli.watching import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.client import TensionTable
    from streams.core.tension import ActorRow

__all__ = ["Follower", "read_once"]

# Longest wait for records before the stop flag is looked at.
_UPDATE_SECONDS: Final = 0.5
# Silence after which the broker is asked whether it is there: Kafka's client itself waits and says nothing.
_PROBE_SECONDS: Final = 3.0
_RETRY_SECONDS: Final = 1.0
# How long quitting waits for the thread; it is a daemon, so what is left goes with the process.
_STOP_SECONDS: Final = 1.0


def read_once(bootstrap: str, prefix: str) -> Snapshot:
    """Return the table as it is now.

    Raises: BrokerAwayError, TopicMissingError, UndecodableMessageError.
    """
    from streams.client import TensionTable  # noqa: PLC0415 - Kafka's client is a third of the start

    with TensionTable(bootstrap, prefix=prefix) as table:
        rows = tuple(table.load().values())
    return Snapshot(rows=rows, bootstrap=bootstrap, loaded=True, loaded_at=_now())


class Follower:
    """Keeps `snapshot` up to date from entering to leaving; `changed` is called when its state, not a row, changes.

    An outage or a missing topic is a state. What no waiting mends is `failure`; so is a first connection that fails.
    """

    def __init__(self, bootstrap: str, prefix: str, changed: Callable[[], None]) -> None:
        self._bootstrap, self._prefix, self._changed = bootstrap, prefix, changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        # Replaced as a whole, so that a reader sees one moment.
        self.snapshot = Snapshot(bootstrap=bootstrap)
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        from kafka.errors import KafkaError  # noqa: PLC0415 - loaded while the first picture is painted

        from streams.client import TopicMissingError  # noqa: PLC0415 - as above

        reached = False
        while not self._stop.is_set():
            try:
                self._follow()
            except TopicMissingError as error:
                self._become(missing=error.topic, away_since=None, rows=(), loaded=False)
            except KafkaError as error:
                if not reached:
                    return self._fail(error)
                self._become(away_since=self.snapshot.away_since or _now())
            except Exception as error:  # noqa: BLE001 - it would die unseen in this thread; the main one raises it
                return self._fail(error)
            reached = True
            self._stop.wait(_RETRY_SECONDS)
        return None

    def _fail(self, error: Exception) -> None:
        self.failure = error
        self._changed()

    def _become(self, **changes: object) -> None:
        self.snapshot = replace(self.snapshot, **changes)  # type: ignore[arg-type]  # names are Snapshot's own
        self._changed()

    def _follow(self) -> None:
        """Load the table and update it until told to stop or the broker is gone."""
        from streams.client import TensionTable  # noqa: PLC0415 - see `read_once`

        with TensionTable(self._bootstrap, prefix=self._prefix) as table:
            rows = _rows(table.load())
            known = self.snapshot
            changed_at = _now() if known.loaded and rows != known.rows else known.changed_at
            loaded_at = known.loaded_at or _now()
            self._become(
                rows=rows, loaded=True, missing=None, away_since=None, changed_at=changed_at, loaded_at=loaded_at
            )
            self._update(table)

    def _update(self, table: TensionTable[ActorRow]) -> None:
        from streams.client.listener import find_broker, parse_bootstrap  # noqa: PLC0415 - see `read_once`

        heard = time.monotonic()
        while not self._stop.is_set():
            if table.update(_UPDATE_SECONDS):
                heard = time.monotonic()
                self.snapshot = replace(self.snapshot, rows=_rows(table), changed_at=_now())
            elif time.monotonic() - heard > _PROBE_SECONDS:
                if find_broker(parse_bootstrap(self._bootstrap)) is not None:
                    # The next round connects anew; a client that sat through an outage may sit on.
                    return self._become(away_since=_now())
                heard = time.monotonic()
        return None


def _rows(table: TensionTable[ActorRow]) -> tuple[ActorRow, ...]:
    return tuple(table.values())


def _now() -> datetime:
    return datetime.now(UTC)
