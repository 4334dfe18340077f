"""What `feed` shows: progress on a terminal, a log line now and then elsewhere, the summary, what to do next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from streams.cli.exits import one_line
from streams.core.errors import REJECT_CODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.feeds.feeding import Tally
    from streams.feeds.files import ReportFile

__all__ = ["FeedDisplay", "print_verdicts", "summary_of"]

# Seconds between two log lines of a run that nobody watches.
LOG_SECONDS: Final = 10.0
_REFRESH_SECONDS: Final = 0.1
# Rejected lines told one by one on a terminal; the table at the end counts all.
_SHOWN_REJECTIONS: Final = 20


class FeedDisplay:
    """Progress on standard error; `wanted` None is the default: whatever standard error is good for."""

    def __init__(
        self,
        tally: Tally,
        size: int | None,
        *,
        wanted: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.console = Console(stderr=True)
        self._tally = tally
        self._size = size
        self._silent = wanted is False
        self._begun = self._clock()
        self._due = self._begun + LOG_SECONDS
        self._told = 0
        self._live: Progress | None = None

    def start(self) -> None:
        """Begin; does nothing where nobody watches."""
        self._begun = self._clock()
        self._due = self._begun + LOG_SECONDS
        if self.console.is_terminal and not self._silent:
            columns = (
                BarColumn(bar_width=8),
                DownloadColumn(table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[said]}", markup=False, table_column=Column(no_wrap=True)),
                TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            )
            self._live = Progress(*columns, console=self.console, transient=True, refresh_per_second=4)
            self._live.add_task("feeding", total=self._size, said="")
            self._live.start()
            self._due = 0.0

    def stop(self) -> None:
        """Clear the progress, so that what follows stands alone."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tick(self, position: int) -> None:
        """Show how far it is: `position` bytes of the size."""
        now = self._clock()
        if self._silent or now < self._due:
            return
        if self._live is not None:
            self._due = now + _REFRESH_SECONDS
            self._live.update(self._live.task_ids[0], completed=position, said=self._said())
        elif not self.console.is_terminal:
            self._due = now + LOG_SECONDS
            click.echo(msgspec.json.encode(self._log(position)).decode(), err=True)

    def reject(self, file: str, line: int, reason: str) -> None:
        """Tell of a line that was not accepted; on a terminal only of the first ones."""
        self._told += 1
        text = one_line(f"{file}:{line}: {reason}")
        if not self.console.is_terminal or self._told <= _SHOWN_REJECTIONS:
            self._tell(text)
        elif self._told == _SHOWN_REJECTIONS + 1:
            self._tell("... more are only counted; `tensionwire lint` lists them all")

    def _tell(self, text: str) -> None:
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(text, err=True)

    def _said(self) -> str:
        tally, rejected = self._tally, sum(self._tally.rejected.values())
        rate = tally.read / max(self._clock() - self._begun, 0.001)
        return f"{tally.read} lines: {tally.acknowledged} sent, {rejected} rejected; {rate:.0f}/s"

    def _log(self, position: int) -> dict[str, Any]:
        seconds = self._clock() - self._begun
        left = (self._size - position) * seconds / position if self._size and position else None
        return {
            "event": "feed_progressed",
            "lines": self._tally.read,
            "bytes": position,
            "of_bytes": self._size,
            "sent": self._tally.acknowledged,
            "rejected": sum(self._tally.rejected.values()),
            "rate": round(self._tally.read / max(seconds, 0.001), 1),
            "eta_seconds": None if left is None else round(left),
        }


def summary_of(tally: Tally, files: list[ReportFile], seconds: float, *, dry_run: bool) -> dict[str, Any]:
    """Return the summary that `feed` prints: four fixed keys and what was added since."""
    single = len(files) == 1
    sent = 0 if dry_run else tally.acknowledged
    return {
        "sent": sent,
        "rejected": sum(tally.rejected.values()),
        "failed": 0 if dry_run else tally.queued - tally.acknowledged,
        "by_code": dict(tally.rejected),
        "lines": {
            code: [line if single else f"{file}:{line}" for file, line in places]
            for code, places in tally.places.items()
        },
        "read": tally.read,
        **({"would_send": tally.queued} if dry_run else {}),
        "seconds": round(seconds, 3),
        "rate": round((tally.queued if dry_run else sent) / max(seconds, 0.001), 1),
    }


def print_verdicts(console: Console, tally: Tally, *, dry_run: bool) -> None:
    """Print counts by verdict, the first lines of each and its remedy, and what to try next: for people."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name, side in (("verdict", "left"), ("lines", "right"), ("where", "left"), ("what to do", "left")):
        table.add_column(name, justify="right" if side == "right" else "left")
    table.add_row("would send" if dry_run else "sent", str(tally.queued if dry_run else tally.acknowledged), "", "")
    for code, count in tally.rejected.most_common():
        table.add_row(code, str(count), _where(tally, code, count), REJECT_CODES[code], style="yellow")
    if tally.refused:
        remedy = "see the reasons above; `tensionwire topics diff` compares limits"
        table.add_row("failed", str(tally.refused), _where(tally, "failed", tally.refused), remedy, style="red")
    console.print(table)
    if dry_run:
        console.print("nothing was sent (--dry-run)", style="dim")
    elif tally.acknowledged:
        console.print(
            "next: tensionwire watch     the tables as they change (a worker must run)", style="dim", highlight=False
        )


def _where(tally: Tally, code: str, count: int) -> str:
    places = tally.places[code]
    single = len({file for file, _ in places}) == 1
    shown = ", ".join(str(line) if single else one_line(f"{file}:{line}") for file, line in places[:5])
    return escape(f"line {shown}{', ...' if count > len(places[:5]) else ''}")
