"""When a report may be sent: at a steady rate, or as the reports themselves were published, faster.

A pace only says when; it never changes a report or the order of the file. Moments are seconds of a monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["MAX_GAP_SECONDS", "FullSpeed", "Pace", "Rate", "Speedup"]

# The longest silence of a replay, in seconds: a week without news must not stop it for an hour.
MAX_GAP_SECONDS: Final = 10.0
# A sender that fell behind its rate (a slow broker) catches up on at most this much, in seconds.
_CATCH_UP_SECONDS: Final = 1.0


class Pace(Protocol):
    """When the next report is due."""

    def due(self, published_at: datetime, now: float) -> float:
        """Return the moment from which the next report, of `published_at`, may be sent; not after `now` is at once."""
        ...


class FullSpeed:
    """Each report at once."""

    def due(self, published_at: datetime, now: float) -> float:  # noqa: D102 - see Pace
        del published_at
        return now


class Rate:
    """`per_second` reports a second, evenly spaced.

    >>> rate = Rate(2)
    >>> [rate.due(None, now) for now in (0.0, 0.0, 0.5)]
    [0.0, 0.5, 1.0]
    """

    def __init__(self, per_second: float) -> None:
        self._step = 1 / per_second
        self._next: float | None = None

    def due(self, published_at: datetime, now: float) -> float:  # noqa: D102 - see Pace
        del published_at
        moment = now if self._next is None else max(self._next, now - _CATCH_UP_SECONDS)
        self._next = moment + self._step
        return moment


class Speedup:
    """The gaps between `published_at`, divided by `factor`, at most `max_gap` seconds each.

    A report published before one that was already sent goes at once; the gap is counted from the latest.
    """

    def __init__(self, factor: float, max_gap: float = MAX_GAP_SECONDS) -> None:
        self._factor = factor
        self._max_gap = max_gap
        self._latest: datetime | None = None
        self._moment = 0.0

    def due(self, published_at: datetime, now: float) -> float:  # noqa: D102 - see Pace
        if self._latest is None:
            self._latest, self._moment = published_at, now
            return now
        gap = (published_at - self._latest).total_seconds() / self._factor
        if gap > 0:
            self._latest = published_at
            # What the sending itself cost is not waited for a second time, but a delay is not caught up in a burst.
            self._moment = max(self._moment + min(gap, self._max_gap), now - _CATCH_UP_SECONDS)
        return self._moment
