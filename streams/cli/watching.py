"""What `tensionwire watch` shows, as a function of the rows and the clock: no broker, no terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streams.cli.terminal import ago, arrow, bar, moment, plain, signed, spark, style_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from streams.core.tension import ActorRow

__all__ = ["SORTS", "Choice", "Snapshot", "as_json", "change_of", "choose", "print_once", "render"]

Sort = Literal["tension", "change", "events"]
SORTS: Final = ("tension", "change", "events")

# Widths from which there is room for the pressure against what is usual, and for dates beside "3 h ago".
_MEDIUM: Final = 100
_WIDE: Final = 132
# Lines of a screen that are not rows: headline, state, column titles, what is left out, legend.
_FRAME_LINES: Final = 5
# A row that lags the newest by more than this shows its own moment: rows are samples taken at different times.
_LAG: Final = timedelta(hours=1)
# Silence after which the table is called quiet, and where to look is said.
_QUIET: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Choice:
    """Which rows, in which order. `actors`: ids; none means all. `top`: at most so many; None: what fits."""

    sort: Sort = "tension"
    top: int | None = None
    actors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The table as last read. Times are this machine's: last change seen, and since when the broker is away.

    `missing`: the topic that is not there. `loaded`: the table has been read to its end at least once.
    """

    rows: tuple[ActorRow, ...] = ()
    bootstrap: str = ""
    loaded: bool = False
    missing: str | None = None
    loaded_at: datetime | None = None
    changed_at: datetime | None = None
    away_since: datetime | None = None

    @property
    def as_of(self) -> datetime | None:
        """The newest moment of a row."""
        return max((row.as_of for row in self.rows), default=None)

    @property
    def watermark(self) -> datetime | None:
        """The newest event time that a row has seen."""
        return max((row.watermark for row in self.rows if row.watermark is not None), default=None)


def change_of(row: ActorRow) -> float:
    """Return how far tension is from what it was at the oldest midnight of `history`; 0 without one."""
    return row.tension - row.history[0] if row.history else 0.0


_ORDER: Final[dict[str, Callable[[ActorRow], tuple[Any, ...]]]] = {
    "tension": lambda row: (-row.tension, row.actor),
    "change": lambda row: (-change_of(row), row.actor),
    "events": lambda row: (-row.windows.day.events, -row.tension, row.actor),
}


def choose(rows: Sequence[ActorRow], choice: Choice) -> list[ActorRow]:
    """Return the rows that `choice` asks for, in its order, `top` not yet applied."""
    wanted = [row for row in rows if not choice.actors or row.actor in choice.actors]
    return sorted(wanted, key=_ORDER[choice.sort])


def as_json(snapshot: Snapshot, choice: Choice) -> dict[str, Any]:
    """Return what `--format json` prints."""
    rows = choose(snapshot.rows, choice)
    return {
        "as_of": snapshot.as_of,
        "watermark": snapshot.watermark,
        "total": len(snapshot.rows),
        "actors": rows if choice.top is None else rows[: choice.top],
    }


def render(snapshot: Snapshot, choice: Choice, *, now: datetime, size: tuple[int, int] | None, width: int) -> Group:
    """Return the whole picture, at most `width` columns; `size` (columns, lines) cuts it to a screen."""
    rows = choose(snapshot.rows, choice)
    room = len(rows) if size is None else max(size[1] - _FRAME_LINES, 1)
    shown = rows[: min(room, len(rows) if choice.top is None else choice.top)]
    parts: list[RenderableType] = [_headline(snapshot)]
    if size is not None or not shown:
        parts.append(_state(snapshot, choice, now))
    if shown:
        parts.append(_table(shown, snapshot.as_of or shown[0].as_of, width))
        if len(shown) < len(rows):
            parts.append(_one_line(_rest(len(rows) - len(shown), choice, screen=size is not None), "dim"))
        parts.append(_one_line(_legend(keys=size is not None, width=width), "dim"))
    return Group(*parts)


def print_once(snapshot: Snapshot, choice: Choice, console: Any, now: datetime) -> None:  # noqa: ANN401 - rich's Console
    """Print the picture once, for a pipe or a page."""
    console.print(render(snapshot, choice, now=now, size=None, width=console.width))


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _headline(snapshot: Snapshot) -> Text:
    line = _one_line("")
    line.append("tensionwire", "bold")
    if snapshot.rows:
        line.append(f"  as of {moment(snapshot.as_of)} UTC", "bold")
        line.append(f"  watermark {moment(snapshot.watermark)}")
        line.append(f"  {len(snapshot.rows)} actor{'s' if len(snapshot.rows) != 1 else ''}")
    return line


def _state(snapshot: Snapshot, choice: Choice, now: datetime) -> Text:
    """Return the line that says whether the table is alive, and if not, where to look."""
    if snapshot.away_since is not None:
        since = f"{snapshot.away_since:%H:%M:%S} UTC ({ago(snapshot.away_since, now)})"
        return _one_line(f"no broker at {plain(snapshot.bootstrap)} since {since}; trying again", "bold red")
    if snapshot.missing is not None:
        waiting = f"waiting: no topic {plain(snapshot.missing)}; run `tensionwire topics init`, then a worker"
        return _one_line(waiting, "yellow")
    if not snapshot.loaded:
        return _one_line(f"reading from {plain(snapshot.bootstrap)} ...", "dim")
    if not snapshot.rows:
        return _one_line("waiting: no rows yet; is a worker running, and are reports being fed?", "yellow")
    if not choose(snapshot.rows, choice):
        return _one_line(f"waiting: no row yet of {plain(', '.join(choice.actors))}", "yellow")
    return _liveness(snapshot, now)


def _liveness(snapshot: Snapshot, now: datetime) -> Text:
    last = snapshot.changed_at or snapshot.loaded_at or now
    said = f"last change {ago(last, now)}" if snapshot.changed_at else f"no change since it was read, {ago(last, now)}"
    if now - last < _QUIET:
        return _one_line(said, "dim")
    return _one_line(f"quiet: {said}; is news being fed, is the worker ready (/readyz)?", "yellow")


def _rest(count: int, choice: Choice, *, screen: bool) -> str:
    remedy = "a taller window shows more" if screen and choice.top is None else "--top N and --format json show more"
    return f"... and {count} more; {remedy}"


def _legend(*, keys: bool, width: int) -> str:
    first = "q quits  " if keys else ""
    usual = "  usual: pressure against the 28-day median" if width >= _MEDIUM else ""
    return f"{first}7 d: ▁ 0 to █ 100 at seven midnights UTC and now; ▲▼ since the first{usual}"


def _table(rows: Sequence[ActorRow], newest: datetime, width: int) -> Table:
    medium, wide = width >= _MEDIUM, width >= _WIDE
    lag = any(newest - row.as_of > _LAG for row in rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2 if medium else 1, 0, 0), header_style="bold")
    table.add_column("actor", no_wrap=True, max_width=10, style="bold")
    table.add_column("name", no_wrap=True, max_width=24 if wide else 16 if medium else 10)
    table.add_column("tension", no_wrap=True, justify="right")
    cells = 20 if wide else 10 if medium else 6
    table.add_column("", no_wrap=True, width=cells)
    table.add_column("7 d", no_wrap=True, min_width=8)
    table.add_column("change", no_wrap=True, justify="right", min_width=7)
    if medium:
        table.add_column("usual", no_wrap=True, justify="right")
    table.add_column("24 h", no_wrap=True, justify="right", min_width=4)
    table.add_column("top dyad", no_wrap=True, max_width=14)
    table.add_column("last event", no_wrap=True)
    if lag:
        table.add_column("row as of", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, newest, cells, medium=medium, wide=wide, lag=lag))
    return table


def _cells(row: ActorRow, newest: datetime, cells: int, *, medium: bool, wide: bool, lag: bool) -> list[Text]:
    change = change_of(row)
    made = [
        Text(plain(row.actor)),
        Text(plain(row.name)),
        Text(f"{row.tension:.1f}"),
        Text(bar(row.tension, cells), style=style_of(row.tension)),
        Text(spark([*row.history, row.tension])),
        Text(f"{arrow(change)} {signed(change):>5}") if row.history else Text("-"),
    ]
    if medium:
        made.append(Text("-" if row.change is None else signed(row.change)))
    made += [
        Text(str(row.windows.day.events)),
        Text(plain(row.top_dyads[0].dyad) if row.top_dyads else ""),
        Text(_last_event(row, dated=wide)),
    ]
    if lag:
        behind = newest - row.as_of > _LAG
        made.append(Text(f"{row.as_of:%m-%d %H:%M}" if behind else "", style="yellow"))
    return made


def _last_event(row: ActorRow, *, dated: bool) -> str:
    if row.last_event is None:
        return "-"
    date = f"  {row.last_event:%m-%d %H:%M}" if dated else ""
    return ago(row.last_event, row.as_of) + date
