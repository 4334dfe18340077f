"""Reading files of reports for the offline verbs: admitted reports and rejections by line, progress on a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from streams.cli.exits import EXIT_REJECTED, one_line
from streams.core.errors import ReportRejectedError
from streams.feeds.files import Line, ReportFile, admit_line, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.models import Report

__all__ = ["EXIT_REJECTED", "ReportLine", "ReportLines", "input_id", "warn_rejected", "write_json"]


class ReportLine(NamedTuple):
    """A line of a file and what it holds: a report, or why not."""

    file: str
    line: Line
    report: Report | ReportRejectedError


class ReportLines:
    """The lines of several files one after the other, numbered from 0 as `seq`.

    `keep`: `report` can return an earlier one again; what cannot be sought, such as a pipe, is copied for that.
    """

    def __init__(self, names: tuple[str, ...], *, keep: bool = True) -> None:
        self.ingested_at = datetime.now(UTC)
        self._files = [open_file(name, keep=keep) for name in names]
        self._places: list[tuple[ReportFile, int]] = []
        context = click.get_current_context(silent=True)
        if context is not None:
            context.call_on_close(self.close)

    def __iter__(self) -> Iterator[ReportLine]:
        sizes = [file.size for file in self._files]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        with _progress() as progress:
            task = progress.add_task("reading", total=total)
            before = 0
            for file in self._files:
                for line in file.lines():
                    self._places.append((file, line.start))
                    yield ReportLine(file.name, line, self._admit(line.raw))
                    progress.update(task, completed=before + file.position)
                before += file.size or 0

    def close(self) -> None:
        """Close the files; a verb does so by itself when it ends."""
        for file in self._files:
            file.close()

    def report(self, seq: int) -> Report:
        """Return an accepted report of an earlier line again."""
        file, start = self._places[seq]
        return admit_line(file.read(start), ingested_at=self.ingested_at)

    def _admit(self, raw: bytes) -> Report | ReportRejectedError:
        try:
            return admit_line(raw, ingested_at=self.ingested_at)
        except ReportRejectedError as error:
            return error


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = ("[progress.description]{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def input_id(raw: bytes, report: Report | ReportRejectedError) -> Any:  # noqa: ANN401 - whatever the input calls its id
    """Return the input's own `id`: as given, else the derived one, else null."""
    if not isinstance(report, ReportRejectedError):
        return report.id
    try:
        return msgspec.json.decode(raw).get("id")
    except (msgspec.DecodeError, AttributeError, RecursionError):
        return None


def warn_rejected(place: ReportLine) -> None:
    """Say on standard error which line was rejected, why, and what to do."""
    if isinstance(place.report, ReportRejectedError):
        error = place.report
        text = f"{place.file}:{place.line.number}: {error.code}: {error.detail}; {error.remedy}"
        click.echo(one_line(text), err=True)


def write_json(value: Any) -> None:  # noqa: ANN401 - anything msgspec encodes
    """Write one line of JSON to standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
