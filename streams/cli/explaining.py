"""From a number to its words: row -> event groups -> events -> sentences -> reports (law L6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.markup import escape

from streams.client.reading import read_table, read_topic
from streams.core import ledger
from streams.core.decision import Write
from streams.core.groups import DAY, EventGroup, as_microseconds
from streams.core.models import CodedEvent, ReportState, Tick
from streams.core.tension import group_weight

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from streams.core.tension import ActorRow
    from streams.settings import Settings

__all__ = ["Evidence", "evidence_of", "print_explanation"]

_GROUPS_SHOWN = 3


class Evidence(NamedTuple):
    """An event group that makes part of an actor's number: `weight` in Goldstein points, negative is conflict."""

    day: str
    group: EventGroup
    weight: float
    events: list[CodedEvent]


def evidence_of(settings: Settings, codebook_version: str, actor: str, as_of: datetime) -> list[Evidence]:
    """Return the event groups behind `actor` at `as_of`, the heaviest first, with the events that say so."""
    state = _read_ledger(settings, codebook_version)
    events = _read_events(settings)
    at = as_microseconds(as_of)
    oldest = at - settings.tension().group_max_age.days * DAY
    found = []
    for day in state.days():
        registers = state.actor_day(actor, day)
        for group in registers.groups() if registers else ():
            if oldest <= group.instant <= at:
                weight = group_weight(group, at, settings.tension())
                found.append(Evidence(day, group, weight, _behind(day, group, events)))
    return sorted(found, key=lambda evidence: (-abs(evidence.weight), evidence.group.instant))


def print_explanation(console: Console, settings: Settings, codebook_version: str, row: ActorRow) -> None:
    """Print why `row` is what it is: its heaviest groups, and the sentences and reports behind them."""
    console.print(f"[bold]Why is {row.actor} at {row.tension:.1f}?[/bold]")
    console.print(
        f"  tension = 100 * pressure / (pressure + {settings.half_tension:g}), pressure = conflict - cooperation/2 "
        f"= {row.conflict:.2f} - {row.cooperation:.2f}/2 = {row.pressure:.2f}"
    )
    evidence = evidence_of(settings, codebook_version, row.actor, row.as_of)
    titles = _read_titles(settings)
    for day, group, weight, events in evidence[:_GROUPS_SHOWN]:
        outlets = f"{group.outlets} outlet{'s' if group.outlets > 1 else ''}"
        console.print(f"  [bold]{weight:+.2f}[/bold]  {group.dyad} {group.plover} on {day}, {outlets}")
        for event in events:
            outlet, title = titles.get(event.report_id, (event.outlet, ""))
            console.print(f'         "{escape(event.text)}"')
            console.print(f"         [dim]{escape(outlet)}: {escape(title)} (event {event.event_id[:8]})[/dim]")
    rest = len(evidence) - _GROUPS_SHOWN
    if rest > 0:
        console.print(f"  ... and {rest} smaller groups")


def _read_ledger(settings: Settings, codebook_version: str) -> ledger.LedgerState:
    state = ledger.LedgerState()
    for key, raw in read_table(settings.bootstrap, settings.changelog("ledger", codebook_version)).items():
        state.apply(Write(key, ledger.decode_value(key, raw)))
    return state


def _read_events(settings: Settings) -> dict[str, CodedEvent]:
    """Return the events that stand, by id: the newest (rev, seq) counts, a retraction removes."""
    newest: dict[str, CodedEvent] = {}
    for record in read_topic(settings.bootstrap, settings.topic("events.coded")):
        event = msgspec.json.decode(record.value, type=CodedEvent)
        known = newest.get(event.event_id)
        if known is None or (event.rev, event.seq) > (known.rev, known.seq):
            newest[event.event_id] = event
    return {key: event for key, event in newest.items() if not event.retracted}


def _read_titles(settings: Settings) -> dict[str, tuple[str, str]]:
    titles = {}
    for record in read_topic(settings.bootstrap, settings.topic("reports.unique")):
        item = msgspec.json.decode(record.value, type=ReportState | Tick)
        if isinstance(item, ReportState) and item.report is not None:
            titles[item.report_id] = (item.report.source, item.report.title)
    return titles


def _behind(day: str, group: EventGroup, events: dict[str, CodedEvent]) -> list[CodedEvent]:
    reports = set(group.reports)
    return [
        event
        for event in events.values()
        if event.report_id in reports
        and event.plover == group.plover
        and f"{event.source_actor.id}>{event.target_actor.id}" == group.dyad
        and event.occurred_on.isoformat() == day
    ]
