"""Which coded events stand: of two messages about an event the one with the larger (rev, seq) holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.core.models import CodedEvent

__all__ = ["EventsFold", "newest_events"]


class EventsFold:
    """The newest message of each event; the same whatever the order, and however often each message comes.

    Retractions are kept too: a message that they outdate may still be on its way from another partition.
    """

    def __init__(self) -> None:
        self._newest: dict[str, CodedEvent] = {}

    def push(self, event: CodedEvent) -> bool:
        """Take in a message; return whether it changed what holds of its event."""
        known = self._newest.get(event.event_id)
        if known is not None and (event.rev, event.seq) <= (known.rev, known.seq):
            return False
        self._newest[event.event_id] = event
        return True

    def __getitem__(self, event_id: str) -> CodedEvent:
        event = self._newest[event_id]
        if event.retracted:
            raise KeyError(event_id)
        return event

    def __contains__(self, event_id: str) -> bool:
        event = self._newest.get(event_id)
        return event is not None and not event.retracted

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[CodedEvent]:
        return (event for event in self._newest.values() if not event.retracted)

    def standing(self) -> dict[str, CodedEvent]:
        """Return event_id -> event of those that stand."""
        return {event.event_id: event for event in self}


def newest_events(events: Iterable[CodedEvent]) -> dict[str, CodedEvent]:
    """Return event_id -> event of those that stand after all of `events`, in any order."""
    fold = EventsFold()
    for event in events:
        fold.push(event)
    return fold.standing()
