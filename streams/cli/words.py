"""The words behind an event group, for a terminal: sentences with their actors marked, reports, uncounted copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from streams.cli.terminal import moment, plain

if TYPE_CHECKING:
    from rich.tree import Tree

    from streams.cli.evidence import EventSeen, GroupSeen
    from streams.cli.reports import ReportSeen
    from streams.core.models import ActorRef, CodedEvent

__all__ = ["actor_line", "add_group_words", "add_report", "sentence"]

_SOURCE_STYLE: Final = "bold magenta"
_TARGET_STYLE: Final = "bold underline cyan"
# Hex digits of an event's id that are shown; `explain` takes any unique beginning from six on.
_ID_SHOWN: Final = 12


def sentence(event: CodedEvent) -> Text:
    """Return the event's sentence, its mentions of source and target marked where they lie in it."""
    text = Text(f'"{plain(event.text)}"')
    for actor, style in ((event.source_actor, _SOURCE_STYLE), (event.target_actor, _TARGET_STYLE)):
        found = _inside(event, actor)
        if found is not None:
            text.stylize(style, found[0] + 1, found[1] + 1)
    return text


def _inside(event: CodedEvent, actor: ActorRef) -> tuple[int, int] | None:
    """Return the mention's place in the sentence; None if it stands elsewhere (a pronoun's antecedent may)."""
    if actor.mention is None:
        return None
    start, end = (offset - event.span[0] for offset in actor.mention)
    return (start, end) if 0 <= start < end <= len(event.text) else None


def actor_line(event: CodedEvent) -> str:
    """Return who acts on whom, as the sentence calls them: what the colours say, for those who do not see them."""
    return f"source {_called(event, event.source_actor)}, target {_called(event, event.target_actor)}"


def _called(event: CodedEvent, actor: ActorRef) -> str:
    found = _inside(event, actor)
    sector = f" {plain(actor.sector)}" if actor.sector else ""
    words = f' "{plain(event.text[found[0] : found[1]])}"' if found else ""
    return f"{plain(actor.id)}{sector}{words}"


def add_group_words(branch: Tree, group: GroupSeen) -> None:
    """Add under `branch` the events of `group`, each with its report, and what retention has removed."""
    reports = {seen.version.report_id: seen for seen in group.reports}
    shown: set[str] = set()
    for seen in group.events:
        leaf = branch.add(_event_words(seen))
        report = seen.event.report_id
        if report in shown:
            leaf.add(Text("the same report", style="dim"))
        elif report in reports:
            add_report(leaf, reports[report], group.registers.get(report))
        shown.add(report)
    gone = len(group.event_ids) - len(group.events)
    if gone:
        branch.add(Text(f"{gone} more of its events: no longer on events.coded, which keeps 90 days", style="yellow"))
    lost = len(group.registers) - len(group.reports)
    if lost:
        branch.add(Text(f"{lost} of its reports: no longer on reports.unique, which keeps 45 days", style="yellow"))


def _event_words(seen: EventSeen) -> Text:
    event = seen.event
    text = sentence(event)
    text.append(f"\n{actor_line(event)}")
    text.append(f"\nevent {event.event_id[:_ID_SHOWN]}  {event.plover} CAMEO {plain(event.cameo)}", "dim")
    text.append(f"  {event.goldstein:+g}  confidence {event.confidence:g}  {seen.place}", "dim")
    return text


def add_report(branch: Tree, seen: ReportSeen, register: str | None = None) -> None:
    """Add a report under `branch`: what it is, where it lies, and its copies that were not counted."""
    version = seen.version
    text = Text(f"{plain(version.outlet or '?')}: {plain(version.title or '(no title)')}")
    if version.published_at is not None:
        text.append(f"\npublished {moment(version.published_at)} UTC  {plain(version.url or 'no url')}", "dim")
    text.append(f"\nreport {version.report_id}  {version.place} because of {version.raw}", "dim")
    if register is not None:
        text.append(f"\nentered at {register}", "dim")
    leaf = branch.add(text)
    if seen.copies:
        count = len(seen.copies)
        below = leaf.add(Text(f"{count} {'copy' if count == 1 else 'copies'} not counted in n:"))
        for copy in seen.copies:
            of = "" if copy.duplicate_of == version.report_id else f", through {copy.duplicate_of[:_ID_SHOWN]}"
            line = f"{plain(copy.outlet)} {plain(copy.id)}: {copy.similarity:.0%} the same{of}"
            below.add(Text(line).append(f"  {copy.place} because of {copy.raw}", "dim"))
