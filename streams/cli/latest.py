"""What `actor` and `dyad` read beside the actors' rows: rows of dyads, and the latest events that stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.cli.evidence import standing_events
from streams.core.tension import DyadRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from streams.cli.evidence import EventSeen
    from streams.cli.scanning import Scanner
    from streams.settings import Settings

__all__ = ["EVENTS_SHOWN", "Dyads", "latest_events", "read_dyads"]

EVENTS_SHOWN = 10


class Dyads(NamedTuple):
    """Rows of `tension.dyads`, the most tense first, and where each lies by `SRC>TGT`."""

    rows: list[DyadRow]
    places: dict[str, str]


def read_dyads(
    scanner: Scanner, settings: Settings, wanted: Callable[[str], bool], within: Collection[str] | None = None
) -> Dyads:
    """Return the rows whose key, `SRC>TGT`, is `wanted`; only the partitions of the keys `within` are read."""
    found = scanner.newest(settings.topic("tension.dyads"), within=within, wanted=wanted)
    rows = [msgspec.json.decode(raw, type=DyadRow) for raw, _ in found.values()]
    ordered = sorted(rows, key=lambda row: (-row.tension, -row.windows.month.events, row.source, row.target))
    return Dyads(ordered, {key: place for key, (_, place) in found.items()})


def latest_events(
    scanner: Scanner, settings: Settings, codebook_version: str, dyads: Collection[str], count: int = EVENTS_SHOWN
) -> list[EventSeen]:
    """Return the newest events of `dyads` that stand, newest first by day, then by publication."""
    standing = standing_events(scanner, settings, codebook_version, dyads)
    return sorted(standing.values(), key=_recency, reverse=True)[:count]


def _recency(seen: EventSeen) -> tuple[object, ...]:
    return seen.event.occurred_on, seen.event.published_at, seen.event.event_id
