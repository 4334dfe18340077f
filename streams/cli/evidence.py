"""From a number to its words: row -> event groups -> events -> sentences -> reports, each with its place (law L6)."""

from __future__ import annotations

from datetime import date, datetime
from math import fsum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.cli.reports import ReportSeen, read_reports
from streams.cli.scanning import place_of
from streams.core import ledger
from streams.core.decision import Write
from streams.core.groups import DAY, EventGroup, as_microseconds, as_moment, entry_key
from streams.core.ledger import EntryKey, LedgerEntry
from streams.core.models import QUAD_CLASS, CodedEvent, event_key
from streams.core.tension import ActorRow, Balance, TensionSettings, corroboration, decay, group_weight

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from streams.cli.scanning import Scanner
    from streams.settings import Settings

__all__ = [
    "Actor",
    "EventSeen",
    "GroupSeen",
    "Ledger",
    "Sums",
    "add_words",
    "dyad_of",
    "groups_of",
    "read_ledger",
    "read_rows",
    "standing_events",
    "sums_of",
]

# How far apart a row's pressure and the sum of its groups may be: rows carry six decimals.
TOLERANCE: Final = 1e-6


class Actor(NamedTuple):
    """A row of `tension.actors` and where it lies."""

    row: ActorRow
    place: str


class EventSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An event as `events.coded` holds it at `place`; the mentions are cut out of the sentence."""

    place: str
    event: CodedEvent


class GroupSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An event group and what it weighs, as factors: |goldstein| * corroboration * confidence * decay = |weight|.

    `outlets`: the n of corroboration = min(1 + log2(n)/4, 2), by name. `weight`: Goldstein points, < 0 is conflict.
    `registers`: report id -> place in the ledger's changelog.
    """

    dyad: str
    plover: str
    quad_class: str
    day: date
    instant: datetime
    goldstein: float
    outlets: tuple[str, ...]
    corroboration: float
    confidence: float
    age_days: float
    decay: float
    weight: float
    event_ids: tuple[str, ...]
    registers: dict[str, str]
    events: tuple[EventSeen, ...] = ()
    reports: tuple[ReportSeen, ...] = ()


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What groups add up to, unrounded."""

    conflict: float
    cooperation: float
    pressure: float
    tension: float


class Ledger(NamedTuple):
    """The registers of some actors, and where each lies in the changelog."""

    state: ledger.LedgerState
    places: dict[str, str]


def read_rows(scanner: Scanner, settings: Settings) -> dict[str, Actor]:
    """Return the rows of `tension.actors` with their places."""
    found = scanner.newest(settings.topic("tension.actors"))
    return {key: Actor(msgspec.json.decode(raw, type=ActorRow), place) for key, (raw, place) in found.items()}


def read_ledger(scanner: Scanner, settings: Settings, codebook_version: str, actors: Collection[str]) -> Ledger:
    """Return the registers of `actors` as the worker has committed them; only their partitions are read."""
    topic = settings.changelog("ledger", codebook_version)
    heads = tuple(f"{actor}|" for actor in actors)
    found = scanner.newest(topic, within=actors, wanted=lambda key: key.startswith(heads))
    state = ledger.LedgerState()
    for key, (raw, _) in found.items():
        state.apply(Write(key, ledger.decode_value(key, raw)))
    return Ledger(state, {key: place for key, (_, place) in found.items()})


def groups_of(held: Ledger, actor: str, as_of: datetime, settings: TensionSettings) -> list[GroupSeen]:
    """Return the event groups behind `actor` at `as_of`, the heaviest first, without their words."""
    at = as_microseconds(as_of)
    oldest = as_microseconds(as_of - settings.group_max_age)
    seen = [
        _weigh(held, actor, day, group, at, settings)
        for day, group in _all_groups(held.state, actor)
        if oldest <= group.instant <= at
    ]
    return sorted(seen, key=lambda group: (-abs(group.weight), group.instant, group.dyad, group.plover))


def sums_of(groups: Iterable[GroupSeen], settings: TensionSettings) -> Sums:
    """Return what the weights of `groups` add up to."""
    weights = [group.weight for group in groups]
    balance = Balance(
        conflict=fsum(-weight for weight in weights if weight < 0),
        cooperation=fsum(weight for weight in weights if weight > 0),
    )
    return Sums(
        conflict=balance.conflict,
        cooperation=balance.cooperation,
        pressure=balance.pressure(settings),
        tension=balance.tension(settings),
    )


def add_words(
    scanner: Scanner, settings: Settings, codebook_version: str, groups: Collection[GroupSeen]
) -> list[GroupSeen]:
    """Return `groups` with their events and reports, and with the copies of those reports that were not counted."""
    events = standing_events(scanner, settings, codebook_version, {group.dyad for group in groups})
    reports = read_reports(scanner, settings, {report for group in groups for report in group.registers})
    return [
        msgspec.structs.replace(
            group,
            events=tuple(sorted((events[id_] for id_ in group.event_ids if id_ in events), key=_reading_order)),
            reports=tuple(reports[id_] for id_ in sorted(group.registers) if id_ in reports),
        )
        for group in groups
    ]


def _reading_order(seen: EventSeen) -> tuple[object, ...]:
    return seen.event.published_at, seen.event.report_id, seen.event.sentence


def _all_groups(state: ledger.LedgerState, actor: str) -> Iterator[tuple[str, EventGroup]]:
    for day in state.days():
        registers = state.actor_day(actor, day)
        for group in registers.groups() if registers else ():
            yield day, group


def _weigh(held: Ledger, actor: str, day: str, group: EventGroup, at: int, settings: TensionSettings) -> GroupSeen:
    keys = {report: _register_key(actor, day, group, report) for report in sorted(group.reports)}
    entries = [entry for key in keys.values() if isinstance(entry := held.state.get(key), LedgerEntry)]
    age = at - group.instant
    return GroupSeen(
        dyad=group.dyad,
        plover=group.plover,
        quad_class=QUAD_CLASS[group.plover],
        day=date.fromisoformat(day),
        instant=as_moment(group.instant),
        goldstein=group.goldstein,
        outlets=tuple(sorted({entry.outlet for entry in entries})),
        corroboration=corroboration(group.outlets, settings),
        confidence=group.confidence,
        age_days=age / DAY,
        decay=decay(age, settings),
        weight=group_weight(group, at, settings),
        event_ids=tuple(sorted({id_ for entry in entries for id_ in entry.event_ids})),
        registers={report: held.places[key] for report, key in keys.items()},
    )


def _register_key(actor: str, day: str, group: EventGroup, report: str) -> str:
    source, target = group.dyad.split(">")
    return entry_key(EntryKey(actor, date.fromisoformat(day), source, target, group.plover, report))


def standing_events(
    scanner: Scanner, settings: Settings, codebook_version: str, dyads: Collection[str]
) -> dict[str, EventSeen]:
    """Return the events of `dyads` by id, as they stand: the newest (rev, seq) counts, a retraction removes."""
    newest: dict[str, EventSeen] = {}
    for record in scanner.records(settings.topic("events.coded"), dyads):
        event = msgspec.json.decode(record.value, type=CodedEvent)
        known = newest.get(event.event_id)
        fresher = known is None or (event.rev, event.seq) > (known.event.rev, known.event.seq)
        if fresher and event.codebook_version == codebook_version:
            newest[event.event_id] = EventSeen(place=place_of(record), event=event)
    return {id_: seen for id_, seen in newest.items() if not seen.event.retracted}


def dyad_of(event: CodedEvent) -> str:
    """Return `SRC>TGT`."""
    return event_key(event.source_actor.id, event.target_actor.id)
