"""Tables on a terminal: bars before numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.core.tension import ActorRow

__all__ = ["bar", "print_actors"]

_BAR_CELLS: Final = 20
# Columns of a terminal below which the bar is halved, so that nothing else wraps.
_NARROW: Final = 100
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
# Tension, 0..100, from which a bar turns yellow, and red.
_ELEVATED: Final = 25.0
_HIGH: Final = 50.0
_ROWS_SHOWN: Final = 20


def bar(tension: float, cells: int = _BAR_CELLS) -> str:
    """Return `tension` (0..100) as a bar of `cells` characters.

    >>> bar(50.0)
    '██████████'
    """
    eighths = round(tension / 100 * cells * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def print_actors(result: dict[str, Any], console: Console | None = None) -> None:
    """Print the actors of a fold's result, the most tense first, and what the fold counted."""
    console = console or Console()
    rows: Sequence[ActorRow] = result["actors"]
    if not rows:
        console.print("No events: nothing to show. `tensionwire lint FILE` says what was rejected and why.")
        return
    narrow = console.width < _NARROW
    cells = _BAR_CELLS // 2 if narrow else _BAR_CELLS
    title = f"Tension at {result['as_of']:%Y-%m-%d %H:%M} UTC"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("actor", no_wrap=True)
    table.add_column("name", max_width=14 if narrow else 28, no_wrap=True)
    table.add_column("tension", justify="right", no_wrap=True)
    table.add_column("", width=cells, no_wrap=True)
    table.add_column("pressure", justify="right", no_wrap=True)
    table.add_column("7 d", justify="right", no_wrap=True)
    table.add_column("top dyad", no_wrap=True)
    table.add_column("last event", no_wrap=True)
    for row in rows[:_ROWS_SHOWN]:
        style = "red" if row.tension >= _HIGH else "yellow" if row.tension >= _ELEVATED else "green"
        table.add_row(
            f"[bold]{row.actor}[/bold]",
            escape(row.name),
            f"{row.tension:.1f}",
            f"[{style}]{bar(row.tension, cells)}[/{style}]",
            f"{row.pressure:.1f}",
            str(row.windows.week.events),
            row.top_dyads[0].dyad if row.top_dyads else "",
            f"{row.last_event:%m-%d %H:%M}" if row.last_event else "",
        )
    console.print(table)
    if len(rows) > _ROWS_SHOWN:
        console.print(f"... and {len(rows) - _ROWS_SHOWN} more; --format json has all")
    counts = ", ".join(f"{name} {number}" for name, number in sorted(result["counts"].items()))
    console.print(f"[dim]digest {result['digest']}  {counts}[/dim]", soft_wrap=True)
