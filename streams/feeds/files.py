"""Reports in files, pipes and gzip files: one JSON object a line, bounded, with the place of each line kept."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import tempfile
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, cast

from streams.core.errors import ConfigurationError
from streams.core.reports import MAX_REPORT_BYTES, admit_fields, read_object
from streams.feeds.language import complete_fields
from streams.feeds.shapes import GZIP_MAGIC, wrong_first_line, wrong_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from streams.core.models import Report

__all__ = ["DEFAULT_SOURCE", "Line", "ReportFile", "admit_line", "open_file"]

# The source of a report in a file that names none.
DEFAULT_SOURCE: Final = "file"
# A line is read up to here; the rest of a longer one is skipped and the line rejected as too large.
_MAX_LINE_BYTES: Final = 4 * MAX_REPORT_BYTES
# What is kept of a stream to be read again stays in memory up to here, then on disk.
_SPOOL_BYTES: Final = 32 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
# Bytes at the head, and before the position, that tell whether a file is still the same.
_FINGERPRINT_BYTES: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"


class Line(NamedTuple):
    """A line: `number` from 1, `start` its byte offset, `raw` without the line's end, `end` where the next starts."""

    number: int
    start: int
    raw: bytes
    end: int


class ReportFile:
    """A file, pipe or gzip file of reports, read once through; offsets count decompressed bytes.

    `keep`: lines can be read again by their `start`; what cannot be sought is copied to a temporary file for that.
    """

    def __init__(self, name: str, stream: IO[bytes], size: int | None, *, keep: bool = False) -> None:
        self.name = name
        self.size = size
        self._source = stream
        self._buffered: Any = stream if hasattr(stream, "peek") else io.BufferedReader(cast("Any", stream))
        self._lines: Any = self._buffered
        self.regular = _is_regular(stream)
        self.compressed = False
        self._opened = False
        self._keep = keep
        # Offset of a line -> its place in the spool, for what cannot be read again where it is.
        self._spooled: dict[int, tuple[int, int]] = {}
        self._spool: Any = None
        self._end = 0

    @property
    def position(self) -> int:
        """How many of the `size` bytes have been read: of a gzip file, compressed ones."""
        return int(self._buffered.tell()) if self.compressed and self.regular else self._end

    def lines(self, start: int = 0, number: int = 0) -> Iterator[Line]:
        """Yield each line that is not blank, from byte `start` on, which is behind line `number`.

        Raises: ConfigurationError if this is no NDJSON, or cannot be read on, with what it is and the remedy.
        """
        self._open()
        self._skip_to(start, number)
        fresh = start == 0
        while raw := self._readline(number):
            begin, self._end = self._end, self._end + len(raw)
            number += 1
            self._skip_rest(raw, number)
            stripped = (raw.removeprefix(_BOM) if begin == 0 else raw).strip(_BLANK)
            if not stripped:
                continue
            if fresh:
                self._refuse(wrong_first_line(stripped))
                fresh = False
            if self._keep:
                self._remember(begin, stripped)
            yield Line(number, begin, stripped, self._end)

    def read(self, start: int) -> bytes:
        """Return the line at byte offset `start` again."""
        if self._spool is not None:
            place, size = self._spooled[start]
            self._spool.seek(place)
            return bytes(self._spool.read(size))
        raw = os.pread(self._source.fileno(), _MAX_LINE_BYTES, start).partition(b"\n")[0]
        return (raw.removeprefix(_BOM) if start == 0 else raw).strip(_BLANK)

    def fingerprint(self, position: int) -> str:
        """Return a hash of the regular file's head and of the bytes before `position`.

        What is appended later does not change it; a gzip file is taken as a whole, its size included.
        """
        handle = self._source.fileno()
        size = os.fstat(handle).st_size
        end = size if self.compressed else position
        parts = [
            os.pread(handle, min(_FINGERPRINT_BYTES, end), 0),
            os.pread(handle, min(_FINGERPRINT_BYTES, end), max(0, end - _FINGERPRINT_BYTES)),
            str(size).encode() if self.compressed else b"",
        ]
        return blake2b(b"\0".join(parts), digest_size=16).hexdigest()

    def close(self) -> None:
        """Close the file and forget what was kept of it."""
        self._source.close()
        if self._spool is not None:
            self._spool.close()

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        start = self._peek()
        if start.startswith(GZIP_MAGIC):
            self.compressed = True
            self._lines = gzip.GzipFile(fileobj=self._buffered)
            start = self._peek()
        self._refuse(wrong_start(start))
        if self._keep and (self.compressed or not self.regular):
            self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - lives as long as this

    def _peek(self) -> bytes:
        try:
            return bytes(self._lines.peek(16)[:16])
        except (EOFError, zlib.error, OSError) as error:
            raise self._unreadable(error, 0) from None

    def _refuse(self, problem: str | None) -> None:
        if problem is not None:
            raise ConfigurationError(f"{self.name}: {problem.replace('FILE', self.name)}")

    def _skip_to(self, start: int, number: int) -> None:
        if start and self.regular and not self.compressed:
            self._lines.seek(start)
            self._end = start
        while self._end < start:
            chunk = self._read(min(_CHUNK_BYTES, start - self._end), number)
            if not chunk:
                return
            self._end += len(chunk)

    def _remember(self, begin: int, line: bytes) -> None:
        if self._spool is not None:
            self._spool.seek(0, os.SEEK_END)
            self._spooled[begin] = (self._spool.tell(), len(line))
            self._spool.write(line)

    def _skip_rest(self, raw: bytes, number: int) -> None:
        while raw and not raw.endswith(b"\n"):
            raw = self._readline(number)
            self._end += len(raw)

    def _readline(self, number: int) -> bytes:
        try:
            return bytes(self._lines.readline(_MAX_LINE_BYTES))
        except (EOFError, zlib.error, OSError) as error:
            raise self._unreadable(error, number) from None

    def _read(self, size: int, number: int) -> bytes:
        try:
            return bytes(self._lines.read(size))
        except (EOFError, zlib.error, OSError) as error:
            raise self._unreadable(error, number) from None

    def _unreadable(self, error: Exception, number: int) -> ConfigurationError:
        if self.compressed:
            return ConfigurationError(
                f"{self.name}: the gzip data is damaged or cut off behind line {number} ({error}); fetch the file again"
            )
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return ConfigurationError(f"{self.name}: cannot be read behind line {number}: {reason}")


def open_file(name: str, *, keep: bool = False) -> ReportFile:
    """Return the file, named pipe or gzip file called `name`; `-` is standard input. `keep` as for `ReportFile`.

    Raises: ConfigurationError naming the file and what is wrong.
    """
    if name == "-":
        if sys.stdin is None:
            raise ConfigurationError("<stdin>: is closed; give a file, or something to read with `<` or `|`")
        stream = sys.stdin.buffer
        return ReportFile("<stdin>", stream, _size_of(stream), keep=keep)
    try:
        opened = Path(name).open("rb")  # noqa: SIM115 - closed by the file it becomes part of
    except IsADirectoryError:
        raise ConfigurationError(f"{name}: Is a directory; give the files in it, such as {name}/*.ndjson") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{name}: {reason}; give a readable file of one JSON report a line") from None
    return ReportFile(name, opened, _size_of(opened), keep=keep)


def _is_regular(stream: IO[bytes]) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode) and stream.tell() == 0
    except (OSError, AttributeError):
        return False


def _size_of(stream: IO[bytes]) -> int | None:
    return os.fstat(stream.fileno()).st_size if _is_regular(stream) else None


def admit_line(raw: bytes, *, ingested_at: datetime) -> Report:
    """Return the report of a line as a feeder would send it: source and language filled in.

    Raises: ReportRejectedError with code, field and detail.
    """
    fields = read_object(raw)
    complete_fields(fields, DEFAULT_SOURCE)
    return admit_fields(fields, ingested_at=ingested_at)
