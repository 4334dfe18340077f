"""Reports in files: one JSON object a line, bounded, with the place of each line kept."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from streams.core.errors import ConfigurationError
from streams.core.reports import MAX_REPORT_BYTES, admit_fields, read_object
from streams.feeds.language import complete_fields

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from streams.core.models import Report

__all__ = ["DEFAULT_SOURCE", "Line", "ReportFile", "admit_line", "open_file"]

# The source of a report in a file that names none.
DEFAULT_SOURCE: Final = "file"
# A line is read up to here; the rest of a longer one is skipped and the line rejected as too large.
_MAX_LINE_BYTES: Final = 4 * MAX_REPORT_BYTES


class Line(NamedTuple):
    """A line of a file: `number` from 1, `start` its byte offset, `raw` without the line's end."""

    number: int
    start: int
    raw: bytes


class ReportFile:
    """A file of reports that can be read once through and then anywhere."""

    def __init__(self, name: str, stream: IO[bytes], size: int | None) -> None:
        self.name = name
        self.size = size
        self._stream = stream

    def lines(self) -> Iterator[Line]:
        """Yield each line that is not blank."""
        number = 0
        while True:
            start = self._stream.tell()
            raw = self._stream.readline(_MAX_LINE_BYTES)
            if not raw:
                return
            number += 1
            resume = self._skip_rest(raw)
            stripped = raw.strip(b" \t\r\n")
            if number == 1:
                stripped = stripped.removeprefix(b"\xef\xbb\xbf")
            if stripped:
                yield Line(number, start, stripped)
            # Whoever reads elsewhere in between (`read`) moves the stream.
            self._stream.seek(resume)

    def read(self, start: int) -> bytes:
        """Return the line at byte offset `start` again."""
        self._stream.seek(start)
        return self._stream.readline(_MAX_LINE_BYTES).strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf")

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _skip_rest(self, raw: bytes) -> int:
        while raw and not raw.endswith(b"\n"):
            raw = self._stream.readline(_MAX_LINE_BYTES)
        return self._stream.tell()


def open_file(name: str) -> ReportFile:
    """Return the file called `name`; `-` is standard input, spooled to disk when large.

    Raises: ConfigurationError naming the file and what is wrong.
    """
    if name == "-":
        spool = tempfile.SpooledTemporaryFile(max_size=32 * 1024 * 1024)  # noqa: SIM115 - lives as long as the result
        while chunk := sys.stdin.buffer.read(1024 * 1024):
            spool.write(chunk)
        size = spool.tell()
        spool.seek(0)
        return ReportFile("<stdin>", spool, size)
    path = Path(name)
    try:
        return ReportFile(name, path.open("rb"), path.stat().st_size)
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}; give a readable file of one JSON report a line") from None


def admit_line(raw: bytes, *, ingested_at: datetime) -> Report:
    """Return the report of a line as a feeder would send it: source and language filled in.

    Raises: ReportRejectedError with code, field and detail.
    """
    fields = read_object(raw)
    complete_fields(fields, DEFAULT_SOURCE)
    return admit_fields(fields, ingested_at=ingested_at)
