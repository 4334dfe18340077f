"""Feeding a file: read, validate, pace, send, and keep count of what became of each line."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Self, TypeVar

from streams.core.errors import ConfigurationError, ReportRejectedError
from streams.feeds.files import DEFAULT_SOURCE
from streams.feeds.resuming import Position, Prefix
from streams.feeds.sending import wire_form

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from streams.feeds.files import Line, ReportFile
    from streams.feeds.pacing import Pace
    from streams.feeds.sending import Sender

__all__ = ["Feeder", "Interruption", "Tally"]

T = TypeVar("T")
# Line numbers kept for each verdict; the count is exact.
_SHOWN_LINES: Final = 10
# Longest sleep between two looks at what else there is to do, in seconds.
_SLICE_SECONDS: Final = 0.25
# Waiting for the acknowledgements of what was sent before an interruption, in seconds.
_INTERRUPTED_SECONDS: Final = 10.0


class Tally:
    """What became of the lines; safe between threads. `places`: the first lines of each code, as (file, line)."""

    def __init__(self) -> None:
        self.read = 0
        self.queued = 0
        self.acknowledged = 0
        self.refused = 0
        self.rejected: Counter[str] = Counter()
        self.places: dict[str, list[tuple[str, int]]] = {}
        self._lock = threading.Lock()

    def acknowledge(self) -> None:
        """Count a line the broker has acknowledged."""
        with self._lock:
            self.acknowledged += 1

    def refuse(self, place: tuple[str, int]) -> None:
        """Count a line the broker has refused."""
        with self._lock:
            self.refused += 1
            self._remember("failed", place)

    def reject(self, code: str, place: tuple[str, int]) -> None:
        """Count a line that is no acceptable report."""
        with self._lock:
            self.rejected[code] += 1
            self._remember(code, place)

    def _remember(self, code: str, place: tuple[str, int]) -> None:
        places = self.places.setdefault(code, [])
        if len(places) < _SHOWN_LINES:
            places.append(place)


class Interruption:
    """SIGINT and SIGTERM while feeding: at once where nothing is half done, else at the next look.

    A second signal ends the run wherever it is.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._at_once = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what `signal.signal` has returned

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self.signal is not None:
            raise KeyboardInterrupt

    def during(self, step: Callable[[], T]) -> T:
        """Return what `step` returns; a signal that comes meanwhile ends it."""
        self.check()
        self._at_once = True
        try:
            return step()
        finally:
            self._at_once = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        again = self.signal is not None
        self.signal = number
        if self._at_once or again:
            raise KeyboardInterrupt


class Feeder:
    """Feeds files one after the other; `sender` None validates only.

    `report`: told of each rejected or refused line. `tick` (of `feed`): called four times a second at least.
    """

    def __init__(
        self,
        sender: Sender | None,
        pace: Pace,
        report: Callable[[str, int, str], None],
        *,
        source: str = DEFAULT_SOURCE,
        stop: Interruption | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tally = Tally()
        self._sender = sender
        self._pace = pace
        self._report = report
        self._source = source
        self._stop = stop or Interruption()
        self._clock = clock
        self._sleep = sleep

    def feed(self, file: ReportFile, begin: Position, tick: Callable[[Prefix], None]) -> Prefix:
        """Send `file` from `begin` on, wait for the acknowledgements, and return how far they reach.

        Raises: BrokerLostError, ConfigurationError if the file cannot be read on, KeyboardInterrupt; `tick` has the
        prefix.
        """
        prefix = Prefix(begin)
        lines = file.lines(begin.offset, begin.line)
        try:
            while (line := self._stop.during(lambda: next(lines, None))) is not None:
                self._take(file, line, prefix, lambda: tick(prefix))
                tick(prefix)
        except KeyboardInterrupt:
            self._drain(lambda: tick(prefix), self._clock() + _INTERRUPTED_SECONDS)
            raise
        except ConfigurationError:
            # The file breaks off: what came before counts.
            self._drain(lambda: tick(prefix))
            raise
        self._drain(lambda: tick(prefix))
        return prefix

    def _take(self, file: ReportFile, line: Line, prefix: Prefix, tick: Callable[[], None]) -> None:
        self.tally.read += 1
        settled = prefix.begin(Position(line.end, line.number))
        place = (file.name, line.number)
        try:
            report, raw = wire_form(line.raw, self._source)
        except ReportRejectedError as error:
            self.tally.reject(error.code, place)
            self._report(*place, f"{error.code}: {error.detail}; {error.remedy}")
            settled()
            return
        self._wait(self._pace.due(report.published_at, self._clock()), tick)
        if self._sender is None:
            self.tally.queued += 1
            settled()
            return
        while not self._sender.wait_for_room():
            self._stop.check()
            tick()

        def acknowledged() -> None:
            self.tally.acknowledge()
            settled()

        def failed(error: BaseException) -> None:
            self.tally.refuse(place)
            self._report(*place, f"not sent: {error}")

        self._sender.send(report, raw, failed, acknowledged)
        self.tally.queued += 1

    def _wait(self, moment: float, tick: Callable[[], None]) -> None:
        while (left := moment - self._clock()) > 0:
            self._stop.during(lambda: self._sleep(min(left, _SLICE_SECONDS)))
            tick()

    def _drain(self, tick: Callable[[], None], deadline: float | None = None) -> None:
        while self._sender is not None and not self._sender.wait_until_acknowledged():
            tick()
            if deadline is None:
                self._stop.check()
            elif self._clock() > deadline:
                return
