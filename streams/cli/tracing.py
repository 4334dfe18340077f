"""What became of one event: its history, its report's versions, and what its group weighs for both actors."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text
from rich.tree import Tree

from streams.cli.evidence import EventSeen, GroupSeen, dyad_of, groups_of, read_ledger, read_rows, sums_of
from streams.cli.explaining import group_line
from streams.cli.reports import Copy, ReportSeen, Version, newest_of, read_reports, read_versions
from streams.cli.scanning import place_of
from streams.cli.terminal import moment, plain
from streams.cli.who import NotFoundError
from streams.cli.words import actor_line, add_report, sentence
from streams.core.models import CodedEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.cli.evidence import Actor
    from streams.cli.scanning import Scanner
    from streams.settings import Settings

__all__ = ["Share", "Trace", "event_tree", "trace_event"]

_CANDIDATES = 5


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What an event's group weighs for `actor` at its row's moment; `share` 0..1 of its conflict, or cooperation.

    `group` is null if it does not count there: too old, taken back, or not yet entered.
    """

    actor: str
    name: str
    as_of: datetime
    conflict: float
    cooperation: float
    share: float
    group: GroupSeen | None


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `history`: all that `events.coded` said of it, in log order; `standing`: it is not taken back.

    `event`: the newest that has words. `versions`: what `reports.unique` said of its report. `copies`: not counted.
    """

    event_id: str
    standing: bool
    event: CodedEvent
    history: tuple[EventSeen, ...]
    versions: tuple[Version, ...]
    copies: tuple[Copy, ...]
    shares: tuple[Share, ...]


def trace_event(scanner: Scanner, settings: Settings, codebook_version: str, prefix: str) -> Trace:
    """Return what the topics know of the event whose id begins with `prefix`.

    Raises: NotFoundError if there is none, or more than one; BrokerAwayError, TopicMissingError.
    """
    history = _history(scanner, settings, prefix)
    newest = max(history, key=lambda seen: (seen.event.rev, seen.event.seq)).event
    event = next((seen.event for seen in reversed(history) if not seen.event.retracted), newest)
    reports = read_reports(scanner, settings, [event.report_id])
    versions = read_versions(scanner, settings, [event.report_id]).get(event.report_id, [])
    return Trace(
        event_id=event.event_id,
        standing=not newest.retracted,
        event=event,
        history=tuple(history),
        versions=tuple(versions),
        copies=reports[event.report_id].copies if event.report_id in reports else (),
        shares=tuple(_shares(scanner, settings, codebook_version, event)),
    )


def _history(scanner: Scanner, settings: Settings, prefix: str) -> list[EventSeen]:
    topic = settings.topic("events.coded")
    # An id says nothing of its partition, so all are read; most records are told apart without decoding.
    mark = f'"event_id":"{prefix}'.encode()
    found: dict[str, list[EventSeen]] = {}
    for record in scanner.records(topic):
        if mark in record.value:
            event = msgspec.json.decode(record.value, type=CodedEvent)
            found.setdefault(event.event_id, []).append(EventSeen(place=place_of(record), event=event))
    if not found:
        remedy = "`tensionwire explain ACTOR` shows ids; the topic keeps 90 days"
        raise NotFoundError(f"no event {prefix} on {topic}; {remedy}")
    if len(found) > 1:
        several = ", ".join(sorted(found)[:_CANDIDATES])
        raise NotFoundError(f"{len(found)} events begin with {prefix}: {several}; give more digits")
    return next(iter(found.values()))


def _shares(scanner: Scanner, settings: Settings, codebook_version: str, event: CodedEvent) -> Iterable[Share]:
    actors = list(dict.fromkeys((event.source_actor.id, event.target_actor.id)))
    rows = read_rows(scanner, settings)
    held = read_ledger(scanner, settings, codebook_version, actors)
    for actor in actors:
        if actor in rows:
            groups = groups_of(held, actor, rows[actor].row.as_of, settings.tension())
            yield _share(rows[actor], groups, settings, event)


def _share(found: Actor, groups: list[GroupSeen], settings: Settings, event: CodedEvent) -> Share:
    sums = sums_of(groups, settings.tension())
    group = next((group for group in groups if _is_group_of(event, group)), None)
    whole = 0.0 if group is None else sums.conflict if group.weight < 0 else sums.cooperation
    return Share(
        actor=found.row.actor,
        name=found.row.name,
        as_of=found.row.as_of,
        conflict=sums.conflict,
        cooperation=sums.cooperation,
        share=abs(group.weight) / whole if group is not None and whole else 0.0,
        group=group,
    )


def _is_group_of(event: CodedEvent, group: GroupSeen) -> bool:
    return (group.dyad, group.plover, group.day) == (dyad_of(event), event.plover, event.occurred_on)


def event_tree(trace: Trace) -> Tree:
    """Return the trace as a tree for a terminal."""
    event = trace.event
    state = "stands" if trace.standing else "was taken back"
    title = f"Event {trace.event_id} {state}: {dyad_of(event)} {event.plover} on {event.occurred_on}"
    tree = Tree(Text(plain(title), style="bold"))
    said = sentence(event) if event.text else Text("(its words went with the report)", style="dim")
    tree.add(said.append(f"\n{actor_line(event)}"))
    numbers = f"CAMEO {plain(event.cameo)}, {event.quad_class}, goldstein {event.goldstein:+g}"
    tree.add(Text(f"{numbers}, confidence {event.confidence:g}, codebook {plain(event.codebook_version)}"))
    for share in trace.shares:
        tree.add(_share_text(share))
    history = tree.add(Text("history on events.coded"))
    for seen in trace.history:
        history.add(_history_line(seen))
    versions = tree.add(Text("its report on reports.unique" if trace.versions else "its report is no longer kept"))
    for version in trace.versions:
        copies = trace.copies if version == newest_of(trace.versions) else ()
        add_report(versions, ReportSeen(version=version, copies=copies))
    return tree


def _share_text(share: Share) -> Text:
    who = f"{plain(share.actor)} ({plain(share.name)}) as of {moment(share.as_of)} UTC"
    if share.group is None:
        return Text(f"{who}: its group does not count there: taken back, too old, or not yet entered", style="yellow")
    side, whole = ("conflict", share.conflict) if share.group.weight < 0 else ("cooperation", share.cooperation)
    return Text(f"{who}: its group is {share.share:.1%} of {side} {whole:.4f}\n").append_text(group_line(share.group))


def _history_line(seen: EventSeen) -> Text:
    event = seen.event
    what = "taken back" if event.retracted else f"{event.goldstein:+g} confidence {event.confidence:g}"
    return Text(f"{what}  rev {plain(event.rev)}  {seen.place}")
