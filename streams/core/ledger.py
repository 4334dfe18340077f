"""The ledger of actors: one last-writer-wins register per (actor, day, event group, report).

    Contribution | Tick ──> decide(state, item) ──> Decision.writes ──> state.apply(write)
                                                          └─> changelog ──> state.apply(write) on restore

The laws hold by construction. A register keeps its largest (`rev`, `seq`), so order and repetition do not matter; a
correction overwrites exactly what its report had said. Expiry is by whole days of event time, so what is left at the
end depends on the final watermark alone. Everything else (groups, rows) is derived: `core.groups`, `core.tension`.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.core.decision import Decision, Write
from streams.core.groups import (
    HOUR,
    ActorDay,
    EntryKey,
    LedgerEntry,
    as_microseconds,
    as_moment,
    entry_key,
    parse_key,
)
from streams.core.models import Contribution, Tick, event_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

__all__ = [
    "DIGEST_SPAN",
    "LEDGER_KEPT",
    "WATERMARK_KEY",
    "Digest",
    "EntryKey",
    "LedgerEntry",
    "LedgerState",
    "Touched",
    "Watermark",
    "decide",
    "decode_value",
    "digest",
    "entry_key",
    "parse_key",
    "present_entries",
    "touched",
]

# Days of event time a digest covers, the day of `as_of` included: the span of a row (DESIGN section 1, L1).
DIGEST_SPAN: Final = timedelta(days=30)

# How long a day stays in the ledger: 30 d that a row looks back + 28 d of baseline samples, each of which looks back
# 30 d itself, + 7 d allowed lateness, so that rows up to a week behind the watermark are still exact.
LEDGER_KEPT: Final = timedelta(days=30 + 28 + 7)

# Table key of the watermark; registers never start with "@".
WATERMARK_KEY: Final = "@watermark"


class Watermark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Value under `WATERMARK_KEY`: the whole hour that event time has reached, in microseconds since 1970-01-01 UTC.

    Whole hours, because then restored and lived states agree although only the first message of an hour writes it.
    """

    hour: int


class Touched(NamedTuple):
    """The rows that a write changes: at most one actor's, and at most one (source, target)'s."""

    actor: str | None
    dyad: tuple[str, str] | None


class Digest(NamedTuple):
    """`hexdigest`: 32 hex digits over the canonical entries. `entries`: how many went in."""

    hexdigest: str
    entries: int


_entry_decoder: Final = msgspec.msgpack.Decoder(LedgerEntry)
_watermark_decoder: Final = msgspec.msgpack.Decoder(Watermark)
_line_encoder: Final = msgspec.json.Encoder()


def decode_value(key: str, raw: bytes) -> LedgerEntry | Watermark:
    """Return the value that `msgspec.msgpack.encode` wrote as `raw` under `key`.

    Raises: msgspec.DecodeError (or its subclass ValidationError) if `raw` is not such a value.
    """
    return _watermark_decoder.decode(raw) if key == WATERMARK_KEY else _entry_decoder.decode(raw)


class LedgerState:
    """The registers of one partition, or of several merged; changed by `apply` alone, live and on restore."""

    __slots__ = ("_days", "hour")

    def __init__(self) -> None:
        # ISO day -> actor -> its registers: a day expires as a whole, a row reads few days of one actor.
        self._days: dict[str, dict[str, ActorDay]] = {}
        # As in `Watermark`; None before the first message.
        self.hour: int | None = None

    @property
    def watermark(self) -> datetime | None:
        """The whole hour that event time has reached; None before the first message."""
        return None if self.hour is None else as_moment(self.hour)

    def apply(self, write: Write) -> None:
        """Make one change that `decide` asked for, or that a changelog holds. Idempotent."""
        key, value = write
        if isinstance(value, LedgerEntry):
            actor, day, _ = key.split("|", 2)
            actors = self._days.get(day)
            if actors is None:
                actors = self._days[day] = {}
            registers = actors.get(actor)
            if registers is None:
                registers = actors[actor] = ActorDay(day)
            registers.put(key, value)
        elif isinstance(value, Watermark):
            self.hour = value.hour
        else:
            self._remove(key)

    def _remove(self, key: str) -> None:
        actor, day, _ = key.split("|", 2)
        registers = self.actor_day(actor, day)
        if registers is None:
            return
        registers.remove(key)
        if not registers.entries:
            del self._days[day][actor]
        if not self._days[day]:
            del self._days[day]

    def get(self, key: str) -> LedgerEntry | None:
        """Return the register under `key`."""
        actor, day, _ = key.split("|", 2)
        registers = self.actor_day(actor, day)
        return None if registers is None else registers.entries.get(key)

    def actor_day(self, actor: str, day: str) -> ActorDay | None:
        """Return the registers of `actor` on the ISO `day`; None if there are none."""
        actors = self._days.get(day)
        return None if actors is None else actors.get(actor)

    def items(self) -> Iterator[tuple[str, LedgerEntry]]:
        """Return all registers with their keys, present or not."""
        for actors in self._days.values():
            for registers in actors.values():
                yield from registers.entries.items()

    def days(self) -> Iterator[str]:
        """Return the ISO days with a register."""
        return iter(self._days)

    def day_keys(self, day: str) -> Iterator[str]:
        """Return the keys of all registers of the ISO `day`."""
        return (key for registers in self._days[day].values() for key in registers.entries)

    def actors(self) -> set[str]:
        """Return the known actors: those with a register, present or not."""
        return {actor for actors in self._days.values() for actor in actors}

    def has_actor(self, actor: str) -> bool:
        """Say whether `actor` is known; the row of an unknown one is a tombstone."""
        return any(actor in actors for actors in self._days.values())

    def dyads(self) -> set[tuple[str, str]]:
        """Return the known (source, target) pairs, as the ledgers of their sources hold them."""
        held = (
            (actor, dyad.split(">"))
            for actors in self._days.values()
            for actor, registers in actors.items()
            for dyad in registers.dyads()
        )
        return {(source, target) for actor, (source, target) in held if source == actor}

    def has_dyad(self, source: str, target: str) -> bool:
        """Say whether the ledger of `source` knows the pair; the row of an unknown one is a tombstone."""
        dyad = event_key(source, target)
        ledger = (actors.get(source) for actors in self._days.values())
        return any(registers is not None and registers.has_dyad(dyad) for registers in ledger)


def decide(state: LedgerState, item: Contribution | Tick) -> Decision:
    """Return the writes of one message: the watermark's hour, tombstones of expired days, and the register.

    Discards: `superseded` (a larger (rev, seq) is stored), `repeated` (this one is), `expired` (its day is gone).
    """
    moment = as_microseconds(item.watermark if isinstance(item, Tick) else item.updated_at)
    hour = moment - moment % HOUR
    writes: list[Write] = []
    if state.hour is None or hour > state.hour:
        writes = [Write(WATERMARK_KEY, Watermark(hour)), *_expire(state, _first_kept(hour))]
    if isinstance(item, Tick):
        return Decision([], writes, [])
    return _register(state, item, _first_kept(hour if state.hour is None else max(hour, state.hour)), writes)


def _register(state: LedgerState, item: Contribution, first_kept: str, writes: list[Write]) -> Decision:
    if item.day.isoformat() < first_kept:
        return Decision([], writes, ["expired"])
    key = entry_key(EntryKey(item.actor, item.day, item.source, item.target, item.plover, item.report_id))
    held = state.get(key)
    if held is not None and (item.rev, item.seq) <= (held.rev, held.seq):
        return Decision([], writes, ["repeated" if (item.rev, item.seq) == (held.rev, held.seq) else "superseded"])
    return Decision([], [*writes, Write(key, _entry(item))], [])


def _entry(item: Contribution) -> LedgerEntry:
    return LedgerEntry(
        rev=item.rev,
        seq=item.seq,
        present=item.present,
        goldstein=float(item.goldstein),
        confidence=float(item.confidence),
        published_at=as_microseconds(item.published_at),
        outlet=item.outlet,
        event_ids=tuple(item.event_ids),
    )


def _first_kept(hour: int) -> str:
    return (as_moment(hour) - LEDGER_KEPT).date().isoformat()


def _expire(state: LedgerState, first_kept: str) -> Iterator[Write]:
    return (Write(key, None) for day in state.days() if day < first_kept for key in state.day_keys(day))


def touched(write: Write) -> Touched:
    """Return the rows that `write` changes; the dyad's only where the ledger is its source's.

    The watermark changes no single row (it shows in all of them).

    >>> touched(Write("RUS|2018-09-18|ISR>RUS|ASSAULT|5f93", None))
    Touched(actor='RUS', dyad=None)
    >>> touched(Write("ISR|2018-09-18|ISR>RUS|ASSAULT|5f93", None))
    Touched(actor='ISR', dyad=('ISR', 'RUS'))
    """
    if write.key == WATERMARK_KEY:
        return Touched(None, None)
    actor, _, dyad, _, _ = write.key.split("|")
    source, target = dyad.split(">")
    return Touched(actor, (source, target) if source == actor else None)


def present_entries(state: LedgerState, as_of: datetime) -> Iterator[tuple[str, LedgerEntry]]:
    """Return the entries that count for `digest(..., as_of)`, in no particular order."""
    return _counted(state.items(), as_of)


def digest(entries: Iterable[tuple[str, LedgerEntry]], as_of: datetime) -> Digest:
    """Return the digest of the present entries with day in [as_of - 30 d, as_of].

    Pass the entries of all partitions, in any order. What differs between runs over the same reports (`rev` of a
    version that changed nothing, `seq`) is left out; L1 of DESIGN says this digest is the same for every run.
    """
    hasher = blake2b(digest_size=16)
    count = 0
    for key, entry in sorted(_counted(entries, as_of), key=_table_key):
        hasher.update(_canonical(key, entry))
        count += 1
    return Digest(hasher.hexdigest(), count)


def _counted(entries: Iterable[tuple[str, LedgerEntry]], as_of: datetime) -> Iterator[tuple[str, LedgerEntry]]:
    today = as_moment(as_microseconds(as_of)).date()
    first, last = (today - DIGEST_SPAN).isoformat(), today.isoformat()
    return ((key, entry) for key, entry in entries if entry.present and first <= key.split("|", 2)[1] <= last)


def _table_key(item: tuple[str, LedgerEntry]) -> str:
    return item[0]


def _canonical(key: str, entry: LedgerEntry) -> bytes:
    """One JSON array a line; the key's parts are actor, day, source>target, PLOVER type and report id."""
    said = (entry.goldstein, entry.confidence, entry.published_at, entry.outlet, sorted(entry.event_ids))
    return _line_encoder.encode((*key.split("|"), *said)) + b"\n"
