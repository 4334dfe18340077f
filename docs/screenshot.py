# ruff: noqa: INP001 - a script beside the pages, not a package
"""Write docs/images/watch.svg: the picture of `tensionwire watch` for the rows of a JSON file.

    tensionwire watch --once --format json > rows.json
    python docs/screenshot.py rows.json

The picture depends on the rows alone: the clock stands three seconds after the last change.
"""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from streams.cli.watching import Choice, Snapshot, render
from streams.core.tension import ActorRow  # noqa: TC001 - msgspec reads the annotation

__all__ = ["svg_of"]

_IMAGE: Final = Path(__file__).parent / "images" / "watch.svg"
_WIDTH: Final = 110
_ROWS: Final = 12
_CLOCK: Final = datetime(2026, 1, 1, tzinfo=UTC)
# What rich writes to fetch a font from the network, and whose page it names; the reader's monospace font will do.
_OUTSIDE: Final = re.compile(r"@font-face\s*\{[^}]*\}\s*|<!--.*?-->\s*", re.DOTALL)


class _Rows(msgspec.Struct):
    """What of `watch --format json` the picture needs."""

    actors: list[ActorRow]


def svg_of(rows: list[ActorRow]) -> str:
    """Return the SVG of the `watch` picture for `rows`; it refers to nothing outside itself."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    seen = Snapshot(rows=tuple(rows), loaded=True, loaded_at=_CLOCK, changed_at=_CLOCK - timedelta(seconds=3))
    size = (_WIDTH, _ROWS + 5)
    console.print(render(seen, Choice(), now=_CLOCK, size=size, width=_WIDTH))
    svg = console.export_svg(title="tensionwire watch", unique_id="watch")
    return _OUTSIDE.sub("", svg)


def main() -> None:
    """Write the picture."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program's name and FILE
        sys.exit("usage: python docs/screenshot.py ROWS.json   (from `tensionwire watch --once --format json`)")
    rows = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=_Rows).actors
    _IMAGE.parent.mkdir(exist_ok=True)
    _IMAGE.write_text(svg_of(rows), "utf-8")
    print(f"wrote {_IMAGE}")  # noqa: T201 - a script


if __name__ == "__main__":
    main()
