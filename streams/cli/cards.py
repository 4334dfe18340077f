"""One actor, or one pair of actors, on a terminal: from values alone, no broker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streams.cli.explaining import group_line
from streams.cli.terminal import ago, arrow, bar, moment, plain, signed, spark, style_of
from streams.cli.watching import change_of
from streams.cli.words import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from streams.cli.evidence import EventSeen, GroupSeen
    from streams.core.tension import ActorRow, DyadRow, Window, Windows

__all__ = ["actor_card", "dyad_card", "events_list", "next_steps"]

_QUADS: Final = ("verbal_cooperation", "material_cooperation", "verbal_conflict", "material_conflict")
_QUAD_CELLS: Final = 4
_DYADS_SHOWN: Final = 5
_GROUPS_SHOWN: Final = 10


def actor_card(row: ActorRow, doing: Sequence[DyadRow], suffering: Sequence[DyadRow]) -> Group:
    """Return the card of an actor; `doing`: dyads with it as source, `suffering`: as target, the most tense first."""
    parts: list[RenderableType] = [_title(row), _balance(row), _usual(row), *_history(row), Text("")]
    parts += [_windows({"": row.windows}), Text("")]
    parts += [_dyads(f"what {plain(row.actor)} does", doing), Text("")]
    parts += [_dyads(f"what is done to {plain(row.actor)}", suffering)]
    return Group(*parts)


def _title(row: ActorRow) -> Text:
    line = Text(f"{plain(row.actor)}  {plain(row.name)}  tension {row.tension:.1f}  ", style="bold")
    line.append(bar(row.tension) or "none", style_of(row.tension))
    return line.append(f"\nas of {moment(row.as_of)} UTC, watermark {moment(row.watermark)}", "dim not bold")


def _balance(row: ActorRow) -> Text:
    return Text(f"pressure {row.pressure:.2f}: conflict {row.conflict:.2f}, cooperation {row.cooperation:.2f}")


def _usual(row: ActorRow) -> Text:
    if row.baseline is None or row.change is None:
        return Text("usual: not known yet (too few events before today)", style="dim")
    usual = f"median {row.baseline.median:.2f}, deviation (MAD) {row.baseline.mad:.2f}"
    return Text(f"against the usual of 28 days: {arrow(row.change)} {signed(row.change)} ({usual})")


def _history(row: ActorRow) -> list[Text]:
    if not row.history:
        return []
    change = change_of(row)
    first = row.as_of.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=len(row.history) - 1)
    days = (f"{first + timedelta(days=n):%m-%d} {value:.1f}" for n, value in enumerate(row.history))
    line = f"7 days: {spark([*row.history, row.tension])}  {arrow(change)} {signed(change)} since {first:%m-%d} 00:00"
    return [Text(line), Text(f"  {', '.join(days)}, now {row.tension:.1f}", style="dim")]


def _windows(sides: dict[str, Windows]) -> Table:
    """Return the windows of one or more rows; a bar's full length is the largest class of its window."""
    table = _plain_table()
    for name in ("window", "events", "reports", "goldstein", *map(_quad_name, _QUADS)):
        table.add_column(name, justify="left" if name == "window" or "\n" in name else "right", no_wrap=True)
    for side, windows in sides.items():
        for name, window in (("24 h", windows.day), ("7 d", windows.week), ("30 d", windows.month)):
            table.add_row(*_window_cells(f"{side}  {name}" if side else name, window))
    return table


def _window_cells(name: str, window: Window) -> list[Text]:
    counts = [int(getattr(window, quad)) for quad in _QUADS]
    full = float(max(counts))
    bars = [Text(f"{count:>3} {bar(count, _QUAD_CELLS, full)}", style=_quad_style(i)) for i, count in enumerate(counts)]
    numbers = (str(window.events), str(window.reports), f"{window.goldstein_sum:+.1f}")
    return [Text(name), *map(Text, numbers), *bars]


def _quad_name(quad: str) -> str:
    return quad.replace("_", "\n").replace("cooperation", "coop.")


def _quad_style(index: int) -> str:
    return "" if index < 2 else "yellow" if index == 2 else "red"  # noqa: PLR2004 - the two conflict classes


def _plain_table(title: str | None = None) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")


def _dyads(title: str, rows: Sequence[DyadRow]) -> RenderableType:
    shown = [row for row in rows if row.windows.month.events][:_DYADS_SHOWN]
    if not shown:
        return Text(f"{title}: nothing in 30 days", style="dim")
    table = _plain_table(title)
    table.add_column("dyad", no_wrap=True)
    for name in ("tension", "conflict", "cooperation", "7 d", "30 d"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last event", no_wrap=True)
    for row in shown:
        numbers = (f"{row.tension:.1f}", f"{row.conflict:.2f}", f"{row.cooperation:.2f}")
        counts = (str(row.windows.week.events), str(row.windows.month.events))
        last = "-" if row.last_event is None else ago(row.last_event, row.as_of)
        table.add_row(Text(plain(f"{row.source}>{row.target}")), *numbers, *counts, last)
    return table


def dyad_card(sides: Sequence[DyadRow], groups: Sequence[Sequence[GroupSeen]]) -> Group:
    """Return the card of a pair: both directions side by side, then the groups of each."""
    table = _plain_table()
    table.add_column("")
    for row in sides:
        table.add_column(Text(plain(f"{row.source}>{row.target}")), justify="right", no_wrap=True)
    lines = {
        "tension": [f"{row.tension:.1f}" for row in sides],
        "pressure": [f"{row.pressure:.2f}" for row in sides],
        "conflict": [f"{row.conflict:.2f}" for row in sides],
        "cooperation": [f"{row.cooperation:.2f}" for row in sides],
        "last event": ["-" if row.last_event is None else ago(row.last_event, row.as_of) for row in sides],
        "as of (UTC)": [moment(row.as_of) for row in sides],
    }
    for name, cells in lines.items():
        table.add_row(name, *cells)
    parts: list[RenderableType] = [table, Text("")]
    parts += [_windows({plain(f"{row.source}>{row.target}"): row.windows for row in sides}), Text("")]
    for row, side in zip(sides, groups, strict=True):
        parts += _groups(plain(f"{row.source}>{row.target}"), side)
    return Group(*parts)


def _groups(dyad: str, groups: Sequence[GroupSeen]) -> list[RenderableType]:
    if not groups:
        return [Text(f"{dyad}: no event groups in 30 days", style="dim")]
    lines: list[RenderableType] = [Text(f"{dyad}: {len(groups)} event groups in 30 days, the heaviest first", "bold")]
    lines += [Text("  ").append_text(group_line(group)) for group in groups[:_GROUPS_SHOWN]]
    if len(groups) > _GROUPS_SHOWN:
        lines.append(Text(f"  ... and {len(groups) - _GROUPS_SHOWN} lighter ones; --format json has all", style="dim"))
    return lines


def events_list(events: Sequence[EventSeen]) -> Group:
    """Return the events, each with its sentence."""
    if not events:
        return Group(Text("\nno events on events.coded any more (it keeps 90 days)", style="dim"))
    lines: list[RenderableType] = [Text("\nlatest events", style="bold")]
    for seen in events:
        event = seen.event
        head = f"{event.occurred_on} {event.source_actor.id}>{event.target_actor.id} {event.plover}"
        line = Text(f"{plain(head)} {event.goldstein:+g}  ").append_text(sentence(event))
        lines.append(line.append(f"  {plain(event.outlet)}, event {event.event_id[:12]}", "dim"))
    return Group(*lines)


def next_steps(*commands: str) -> Text:
    """Return what to try next."""
    return Text("\ntry next").append("".join(f"\n  tensionwire {plain(command)}" for command in commands), "dim")
