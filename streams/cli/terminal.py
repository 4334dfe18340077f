"""Text on a terminal: foreign words made harmless, small charts, times in words."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

__all__ = ["ago", "arrow", "bar", "moment", "open_console", "plain", "signed", "span", "spark", "style_of"]

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
# Tension, 0..100, from which it is shown in yellow, and in red.
_ELEVATED: Final = 25.0
_HIGH: Final = 50.0
# Columns where nobody says how wide it is: a pipe, a file.
_PIPE_WIDTH: Final = 120
# Below this a change is not worth an arrow: it would be shown as 0.0.
_SHOWN_CHANGE: Final = 0.05

# What moves the cursor, colours, hides or reorders text: C0, C1, bidirectional marks, zero-width characters that join
# nothing, line and paragraph separators, tags, lone surrogates.
_HOSTILE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain(text: str) -> str:
    r"""Return `text` without what could control a terminal, character for character, so that offsets still fit.

    >>> plain("red\x1b[31m\nalert")
    'red\ufffd[31m alert'
    """
    return _HOSTILE.sub(lambda found: " " if found[0].isspace() else "\ufffd", text)


def open_console(*, stderr: bool = False) -> Console:
    """Return a console on standard output; NO_COLOR, COLUMNS and TERM hold, a poor encoding replaces characters."""
    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:  # noqa: SLF001 - what Console itself looks at
        console.width = _PIPE_WIDTH
    return console


def style_of(tension: float) -> str:
    """Return the colour of a tension; never the only sign, the number stands beside it.

    >>> style_of(60.0)
    'red'
    """
    return "red" if tension >= _HIGH else "yellow" if tension >= _ELEVATED else "green"


def bar(share: float, cells: int = 20, full: float = 100.0) -> str:
    """Return `share` of `full` as a bar of at most `cells` characters.

    >>> bar(50.0)
    '██████████'
    """
    eighths = round(min(max(share / full, 0.0), 1.0) * cells * 8) if full > 0 else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def spark(tensions: Sequence[float]) -> str:
    """Return a tension (0..100) a character: always that scale, so that equal heights mean equal tension.

    One level is 12.5; what moves less shows in the change beside it. A row's own scale would make noise look like war.

    >>> spark([0.0, 12.5, 50.0, 100.0])
    '▁▂▅█'
    """
    return "".join(_LEVELS[min(int(max(value, 0.0) * len(_LEVELS) / 100), len(_LEVELS) - 1)] for value in tensions)


def arrow(change: float) -> str:
    """Return the direction of a change as a sign that needs no colour.

    >>> arrow(-3.0)
    '▼'
    """
    if abs(change) < _SHOWN_CHANGE:
        return "="
    return "▲" if change > 0 else "▼"


def signed(change: float) -> str:
    """Return a change with its sign and a decimal; what rounds to nothing has none.

    >>> signed(3.0), signed(-0.01)
    ('+3.0', '0.0')
    """
    return "0.0" if abs(change) < _SHOWN_CHANGE else f"{change:+.1f}"


def span(elapsed: timedelta) -> str:
    """Return a length of time in its largest unit, cut.

    >>> from datetime import timedelta
    >>> span(timedelta(hours=27)), span(timedelta(minutes=200)), span(timedelta(seconds=5))
    ('27 h', '3 h', '5 s')
    """
    seconds = max(int(elapsed.total_seconds()), 0)
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds} s"
    if seconds < 3600:  # noqa: PLR2004 - seconds in an hour
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86_400} d"


def ago(then: datetime, now: datetime) -> str:
    """Return how long before `now` something was."""
    return f"{span(now - then)} ago"


def moment(at: datetime | None, none: str = "-") -> str:
    """Return a moment to the minute, in UTC as all times of the tables are."""
    return none if at is None else f"{at:%Y-%m-%d %H:%M}"
