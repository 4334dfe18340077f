"""Continuing an interrupted file: how far the broker has acknowledged it, kept in a small file beside it."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.feeds.files import ReportFile

__all__ = ["Acknowledged", "Position", "Prefix", "StateFile", "state_path"]

_SUFFIX: Final = ".feed-state.json"
_VERSION: Final = 1
# Seconds between two writes of the state while a file is fed.
_INTERVAL_SECONDS: Final = 1.0


class Position(msgspec.Struct, frozen=True):
    """A place between two lines: `offset` in bytes, `line` lines before it."""

    offset: int = 0
    line: int = 0


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What the state file holds: where to go on, and what that is true of."""

    version: int = _VERSION
    file: str
    offset: int
    line: int
    fingerprint: str
    bootstrap: str
    topic: str
    finished: bool = False


class Prefix:
    """The lines settled without a gap: acknowledged by the broker, rejected, or blank. Safe between threads.

    >>> prefix = Prefix()
    >>> first, second = prefix.begin(Position(10, 1)), prefix.begin(Position(20, 2))
    >>> second(); prefix.position.line
    0
    >>> first(); prefix.position.line
    2
    """

    def __init__(self, position: Position = Position()) -> None:  # noqa: B008 - frozen
        self._position = position
        self._waiting: deque[_Entry] = deque()
        self._lock = threading.Lock()

    @property
    def position(self) -> Position:
        """Where the settled lines end."""
        return self._position

    def begin(self, end: Position) -> _Entry:
        """Return what to call when the line that ends at `end` is settled; lines begin in the file's order."""
        entry = _Entry(self, end)
        with self._lock:
            self._waiting.append(entry)
        return entry

    def settle(self, entry: _Entry) -> None:
        """Note that a line is settled."""
        with self._lock:
            entry.done = True
            while self._waiting and self._waiting[0].done:
                self._position = self._waiting.popleft().end


class _Entry:
    __slots__ = ("_prefix", "done", "end")

    def __init__(self, prefix: Prefix, end: Position) -> None:
        self._prefix = prefix
        self.end = end
        self.done = False

    def __call__(self) -> None:
        self._prefix.settle(self)


def state_path(name: str) -> Path:
    """Return where the state of the file called `name` is kept unless told otherwise.

    >>> str(state_path("news/reports.ndjson"))
    'news/reports.ndjson.feed-state.json'
    """
    return Path(name + _SUFFIX)


class StateFile:
    """The state of one file on one topic, written atomically, at most once a second."""

    def __init__(self, path: Path, source: ReportFile, bootstrap: str, topic: str) -> None:
        self.path = path
        self._source = source
        self._bootstrap = bootstrap
        self._topic = topic
        self._written: Position | None = None
        self._due = 0.0

    def load(self) -> Position:
        """Return where to go on; the beginning if nothing was kept.

        Raises: ConfigurationError if what was kept is not about this file, broker and topic, with the remedy.
        """
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=Acknowledged)
        except FileNotFoundError:
            return Position()
        except (OSError, msgspec.DecodeError) as error:
            raise self._refused(f"cannot be read ({error})") from None
        self._check(kept)
        return Position(kept.offset, kept.line)

    def save(self, position: Position, now: float, *, final: bool = False, finished: bool = False) -> None:
        """Write `position`, unless that was done within the last second; `final` always writes.

        Raises: OSError if the folder cannot be written.
        """
        if not final and (now < self._due or position == self._written):
            return
        self._due = now + _INTERVAL_SECONDS
        self._written = position
        state = Acknowledged(
            file=self._source.name,
            offset=position.offset,
            line=position.line,
            fingerprint=self._source.fingerprint(position.offset),
            bootstrap=self._bootstrap,
            topic=self._topic,
            finished=finished,
        )
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def remove(self) -> None:
        """Forget the state: there is nothing to resume."""
        with suppress(OSError):
            self.path.unlink()

    def _check(self, kept: Acknowledged) -> None:
        if kept.version != _VERSION:
            raise self._refused(f"has version {kept.version} instead of {_VERSION}")
        if (kept.bootstrap, kept.topic) != (self._bootstrap, self._topic):
            raise self._refused(f"is about {kept.topic} at {kept.bootstrap}, not {self._topic} at {self._bootstrap}")
        too_short = (self._source.size or 0) < kept.offset and not self._source.compressed
        if too_short or self._source.fingerprint(kept.offset) != kept.fingerprint:
            raise self._refused(f"is about another content of {self._source.name}: it has changed since")

    def _refused(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.path}: {problem}; feed again from the start without --resume (what is known already counts once)"
        )
