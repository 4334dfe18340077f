"""`tensionwire watch`: the tension table, live."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from streams.cli.following import Follower, read_once
from streams.cli.keyboard import Keyboard
from streams.cli.terminal import open_console
from streams.cli.watching import SORTS, Choice, as_json, print_once, render
from streams.cli.who import find_actor, named
from streams.settings import load_settings

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console

    from streams.cli.watching import Snapshot, Sort
    from streams.settings import Settings

_TOP = 20


@click.command()
@click.option("--sort", type=click.Choice(SORTS), default="tension", help="What comes first; change: the largest rise.")
@click.option("--top", type=click.IntRange(min=1), help="So many rows; default: what fits; 20 once; all in JSON.")
@click.option("--actor", "actors", multiple=True, metavar="ACTOR", help="Only this actor, an id or a name; repeatable.")
@click.option("--interval", type=click.FloatRange(0.1, 60), default=1.0, help="Seconds between pictures; default 1.")
@click.option("--once", is_flag=True, help="Print the table once and end, as in a pipe.")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", help="json implies --once.")
def watch(sort: Sort, top: int | None, actors: tuple[str, ...], interval: float, *, once: bool, format_: str) -> None:
    """Watch the tension table live; q or Ctrl-C ends. In a pipe, with --once or as JSON it is printed once.

    Columns: tension now (0..100) as number and bar; `7 d`, its level at the last seven midnights UTC and now, always
    on the scale 0 (low block) to 100 (full block), so that rows compare; `change` since the oldest of them; `usual`,
    pressure against the actor's 28-day median, in Goldstein points; events in 24 h; the dyad with most conflict; the
    last event, counted from the row's own moment. A row more than an hour behind the newest shows that moment.

    \b
    Output:  a table; JSON: {"as_of", "watermark", "total", "actors": [rows of tension.actors]}
    Exit:    0 ok, 1 no broker at the start or ACTOR not in the table, 2 topics missing (with --once)
    Example: tensionwire watch --sort change --top 10
    """
    settings = load_settings()
    if format_ == "json" or once or not sys.stdout.isatty():
        return _print(settings, Choice(sort, top, actors), format_)
    console = open_console()
    if console.is_dumb_terminal:
        click.echo("tensionwire: this terminal (TERM) cannot repaint; printing once, as with --once", err=True)
        return _print(settings, Choice(sort, top, actors), format_)
    signal.signal(signal.SIGTERM, _end)
    try:
        _live(console, settings, Choice(sort, top, actors), interval)
    except KeyboardInterrupt:
        return None
    return None


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _print(settings: Settings, choice: Choice, format_: str) -> None:
    snapshot = read_once(settings.bootstrap, settings.prefix)
    choice = _resolved(choice, snapshot)
    if not snapshot.rows:
        click.echo("tensionwire: no rows yet; is a worker running, and are reports being fed?", err=True)
    if format_ == "json":
        sys.stdout.buffer.write(msgspec.json.encode(as_json(snapshot, choice)) + b"\n")
        return
    limited = Choice(choice.sort, choice.top or _TOP, choice.actors)
    if snapshot.rows:
        print_once(snapshot, limited, open_console(), datetime.now(UTC))


def _live(console: Console, settings: Settings, choice: Choice, interval: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - a pipe needs none

    with (
        Keyboard() as keyboard,
        Live(console=console, screen=True, auto_refresh=False) as live,
        Follower(settings.bootstrap, settings.prefix, keyboard.ring) as follower,
    ):
        while follower.failure is None:
            shown = _lenient(choice, follower.snapshot)
            size = console.size
            picture = render(follower.snapshot, shown, now=datetime.now(UTC), size=size, width=size.width)
            live.update(picture, refresh=True)
            if "q" in keyboard.wait(interval).lower():
                return
    raise follower.failure


def _resolved(choice: Choice, snapshot: Snapshot) -> Choice:
    """Return `choice` with ids for names.

    Raises: NotFoundError if one is in no row.
    """
    names = {row.actor: row.name for row in snapshot.rows}
    return Choice(choice.sort, choice.top, tuple(find_actor(text, names) for text in choice.actors))


def _lenient(choice: Choice, snapshot: Snapshot) -> Choice:
    """Return `choice` with ids for the names that rows hold; the others may get a row yet."""
    names = {row.actor: row.name for row in snapshot.rows}
    ids = ((named(text, names), text) for text in choice.actors)
    return Choice(choice.sort, choice.top, tuple(found[0] if len(found) == 1 else text for found, text in ids))
