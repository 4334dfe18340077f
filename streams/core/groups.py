"""Event groups: what the registers of one actor and day amount to.

A register (`LedgerEntry`) is what one report says about one event group, (source, target, PLOVER type, day). Registers
are stored; groups are derived from them when a row is first asked for, and again only where a register changed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.core.models import event_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "DAY",
    "HOUR",
    "ActorDay",
    "EntryKey",
    "EventGroup",
    "LedgerEntry",
    "as_microseconds",
    "as_moment",
    "day_start",
    "entry_key",
    "parse_key",
]

# Units of the integer times below: microseconds since 1970-01-01 UTC, the resolution of `datetime`.
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def as_microseconds(moment: datetime) -> int:
    """Return an aware `moment` as microseconds since 1970-01-01 UTC, exactly.

    Raises: TypeError if `moment` has no zone.

    >>> as_microseconds(datetime(1970, 1, 2, tzinfo=UTC)) == DAY
    True
    """
    return (moment - _EPOCH) // _MICROSECOND


def as_moment(microseconds: int) -> datetime:
    """Return the aware UTC moment of `microseconds` since 1970-01-01.

    >>> as_moment(DAY).isoformat()
    '1970-01-02T00:00:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def day_start(day: str) -> int:
    """Return the first microsecond of an ISO `day` in UTC."""
    return (date.fromisoformat(day).toordinal() - _EPOCH.toordinal()) * DAY


class LedgerEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one report says about one event group: a last-writer-wins register ordered by (`rev`, `seq`).

    Positional on the wire: new fields go last, with a default. `published_at`: microseconds since 1970-01-01 UTC.
    """

    rev: str
    seq: int
    present: bool
    goldstein: float
    confidence: float
    published_at: int
    outlet: str
    event_ids: tuple[str, ...]


class EntryKey(NamedTuple):
    """Whose ledger (`actor`), which event group, which report: the identity of a register."""

    actor: str
    day: date
    source: str
    target: str
    plover: str
    report_id: str


def entry_key(key: EntryKey) -> str:
    """Return the table key of a register; no part holds `|` and no actor holds `>`.

    >>> entry_key(EntryKey("RUS", date(2018, 9, 18), "ISR", "RUS", "ASSAULT", "5f93"))
    'RUS|2018-09-18|ISR>RUS|ASSAULT|5f93'
    """
    return f"{key.actor}|{key.day.isoformat()}|{event_key(key.source, key.target)}|{key.plover}|{key.report_id}"


def parse_key(key: str) -> EntryKey:
    """Return the parts of a table key.

    Raises: ValueError if `key` was not made by `entry_key`.

    >>> parse_key("RUS|2018-09-18|ISR>RUS|ASSAULT|5f93").target
    'RUS'
    """
    actor, day, dyad, plover, report_id = key.split("|")
    source, target = dyad.split(">")
    return EntryKey(actor, date.fromisoformat(day), source, target, plover, report_id)


class EventGroup(msgspec.Struct, frozen=True, gc=False):
    """One event as all its present reports tell it.

    `instant`: earliest `published_at`, clamped into the day. `outlets`: how many distinct ones. `goldstein`: lower
    median over the reports. `confidence`: their maximum. `reports`: their ids, in no particular order.
    """

    dyad: str
    plover: str
    instant: int
    outlets: int
    goldstein: float
    confidence: float
    reports: tuple[str, ...]


def _form_group(dyad: str, plover: str, start: int, registers: Mapping[str, LedgerEntry]) -> EventGroup | None:
    """Return the group of `registers` (by report id) on the day that begins at `start`; None without a present one."""
    present = {report: entry for report, entry in registers.items() if entry.present}
    if not present:
        return None
    entries = present.values()
    ranked = sorted(entry.goldstein for entry in entries)
    earliest = min(entry.published_at for entry in entries)
    return EventGroup(
        dyad=dyad,
        plover=plover,
        instant=min(max(earliest, start), start + DAY - 1),
        outlets=len({entry.outlet for entry in entries}),
        goldstein=ranked[(len(ranked) - 1) // 2],
        confidence=max(entry.confidence for entry in entries),
        reports=tuple(present),
    )


class ActorDay:
    """The registers of one actor and one day, and the event groups derived from them.

    `entries`: table key -> register. `derived`: what readers computed from the groups, cleared by every change.
    Nothing is derived until somebody asks, so that restoring costs one dictionary entry a register.
    """

    __slots__ = ("_groups", "_registers", "derived", "entries", "start")

    def __init__(self, day: str) -> None:
        self.start = day_start(day)
        self.entries: dict[str, LedgerEntry] = {}
        self.derived: dict[object, object] = {}
        # dyad -> PLOVER type -> report id -> register; None until first asked for.
        self._registers: dict[str, dict[str, dict[str, LedgerEntry]]] | None = None
        self._groups: dict[str, dict[str, EventGroup]] = {}

    def put(self, key: str, entry: LedgerEntry) -> None:
        """Store the register under its table key."""
        self.entries[key] = entry
        if self._registers is not None:
            dyad, plover, report = _place(key)
            self._registers.setdefault(dyad, {}).setdefault(plover, {})[report] = entry
            self._regroup(self._registers, dyad, plover)

    def remove(self, key: str) -> None:
        """Forget the register under `key`, if there is one."""
        if self.entries.pop(key, None) is not None and self._registers is not None:
            dyad, plover, report = _place(key)
            del self._registers[dyad][plover][report]
            self._regroup(self._registers, dyad, plover)
            _prune(self._registers, dyad, plover)

    def groups(self) -> Iterator[EventGroup]:
        """Return all event groups with a present report."""
        self._derive()
        return (group for by_plover in self._groups.values() for group in by_plover.values())

    def groups_of(self, dyad: str) -> list[EventGroup]:
        """Return the event groups of one directed pair, `SRC>TGT`."""
        self._derive()
        return list(self._groups.get(dyad, {}).values())

    def dyads(self) -> set[str]:
        """Return the dyads with a register, present or not."""
        return set(self._derive())

    def has_dyad(self, dyad: str) -> bool:
        """Say whether `dyad` has a register, present or not."""
        return dyad in self._derive()

    def _derive(self) -> dict[str, dict[str, dict[str, LedgerEntry]]]:
        if self._registers is None:
            self._registers = {}
            for key, entry in self.entries.items():
                dyad, plover, report = _place(key)
                self._registers.setdefault(dyad, {}).setdefault(plover, {})[report] = entry
            for dyad, by_plover in self._registers.items():
                for plover in by_plover:
                    self._regroup(self._registers, dyad, plover)
        return self._registers

    def _regroup(self, registers: dict[str, dict[str, dict[str, LedgerEntry]]], dyad: str, plover: str) -> None:
        group = _form_group(dyad, plover, self.start, registers[dyad][plover])
        self.derived.clear()
        if group is not None:
            self._groups.setdefault(dyad, {})[plover] = group
        elif dyad in self._groups:
            self._groups[dyad].pop(plover, None)


def _place(key: str) -> tuple[str, str, str]:
    _, _, dyad, plover, report = key.split("|")
    return dyad, plover, report


def _prune(registers: dict[str, dict[str, dict[str, LedgerEntry]]], dyad: str, plover: str) -> None:
    if not registers[dyad][plover]:
        del registers[dyad][plover]
    if not registers[dyad]:
        del registers[dyad]
