"""The table of a fold on a terminal: bars before numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.markup import escape
from rich.table import Table

from streams.cli.terminal import bar, open_console, plain, style_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from streams.core.tension import ActorRow

__all__ = ["print_actors"]

_BAR_CELLS: Final = 20
# Columns of a terminal below which the bar is halved, so that nothing else wraps.
_NARROW: Final = 100
_ROWS_SHOWN: Final = 20


def print_actors(result: dict[str, Any], console: Console | None = None) -> None:
    """Print the actors of a fold's result, the most tense first, and what the fold counted."""
    console = console or open_console()
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
        style = style_of(row.tension)
        table.add_row(
            f"[bold]{escape(row.actor)}[/bold]",
            escape(plain(row.name)),
            f"{row.tension:.1f}",
            f"[{style}]{bar(row.tension, cells)}[/{style}]",
            f"{row.pressure:.1f}",
            str(row.windows.week.events),
            escape(row.top_dyads[0].dyad) if row.top_dyads else "",
            f"{row.last_event:%m-%d %H:%M}" if row.last_event else "",
        )
    console.print(table)
    if len(rows) > _ROWS_SHOWN:
        console.print(f"... and {len(rows) - _ROWS_SHOWN} more; --format json has all")
    counts = ", ".join(f"{name} {number}" for name, number in sorted(result["counts"].items()))
    console.print(f"[dim]digest {result['digest']}  {counts}[/dim]", soft_wrap=True)
