"""Identity of reports and events, and the total order of a report's versions.

A revision (`rev`) is a text that sorts as its parts do: version, updated_at, withdrawn last, content hash. It never
depends on arrival, so every stage agrees which of two versions is the newer one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import Final

__all__ = ["MAX_VERSION", "content_hash", "event_id", "report_id", "revision"]

# Largest `version` a report may carry: ten decimal digits keep `rev` sortable as text.
MAX_VERSION: Final = 2**31 - 1

# Separates the parts of a hashed tuple; control characters are refused in every part that is not text.
_SEPARATOR: Final = "\x1f"


def _digest(parts: tuple[str, ...], size: int) -> str:
    return blake2b(_SEPARATOR.join(parts).encode(), digest_size=size).hexdigest()


def report_id(source: str, id_: str) -> str:
    """Return the identity of a report over all its versions: 32 hex digits.

    >>> report_id("reuters-world", "a1")
    '5f932c93481635166259bb0076a361c3'
    """
    return _digest((source, id_), 16)


def content_hash(title: str, text: str, language: str, url: str | None, published_at: datetime) -> str:
    """Return 16 hex digits over all that a version says; it breaks ties between versions of equal number and date."""
    return _digest((title, text, language, url or "", published_at.astimezone(UTC).isoformat()), 8)


def revision(version: int, updated_at: datetime, *, withdrawn: bool, content: str) -> str:
    """Return the `rev` of a version; later versions compare greater as text.

    >>> revision(1, datetime(2018, 9, 18, 6, tzinfo=UTC), withdrawn=False, content="00ff")
    '0000000001|2018-09-18T06:00:00.000000Z|0|00ff'
    """
    moment = updated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    return f"{version:010d}|{moment}|{int(withdrawn)}|{content}"


def event_id(report: str, source: str, target: str, plover: str, occurred_on: date, ordinal: int) -> str:
    """Return the identity of an event within its report: 32 hex digits, the same in every version of the report."""
    return _digest((report, source, target, plover, occurred_on.isoformat(), str(ordinal)), 16)
