"""Deduplication: which reports repeat an earlier report, whatever the order they arrive in.

Every kept version of a report has a verdict; the report's verdict is that of its version with the largest `rev`.
The verdict of a version v depends on nothing but the versions within `INFLUENCE` of it on the clock `updated_at`, its
surroundings. A report's position, seen from v, is (earliest `published_at` among its versions there, report_id).
v is a duplicate iff another report at an earlier position, at most `PUBLISHED_WITHIN` earlier, has a version there
that is similar to one of v's report there. `duplicate_of` is the earliest such report. A duplicate or withdrawn report
shadows others too.

Order independence rests on `RETENTION`. What arrives has W <= u + ALLOWED_LATENESS (W: the watermark) and pushes out
at most a version less than a day older (`MAX_VERSIONS`). The verdicts it can change belong to versions within
INFLUENCE of these two, which depend on versions within INFLUENCE again: all of them are still in the state.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from streams.core.decision import Output, Write
from streams.core.errors import ConfigurationError, ReportRejectedError
from streams.core.models import DuplicateRecord, Report, ReportState, State, Tick
from streams.core.sketch import Sketch, copy_similarity, sketch_keys, sketch_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ALLOWED_LATENESS",
    "INFLUENCE",
    "MAX_VERSIONS",
    "PUBLISHED_WITHIN",
    "RETENTION",
    "DedupDecision",
    "DedupState",
    "Reread",
    "SketchRecord",
    "Verdict",
    "VersionSketch",
    "Watermark",
    "complete",
    "decide",
    "decode_value",
    "verdict_of",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# All spans below are in microseconds, like the times in the state.
_HOUR: Final = timedelta(hours=1) // _MICROSECOND
_DAY: Final = 24 * _HOUR

# How far behind its language's watermark a report may be updated (DESIGN: L4).
ALLOWED_LATENESS: Final = 7 * _DAY
# Largest distance in `updated_at` at which two versions know of each other.
INFLUENCE: Final = 3 * _DAY
# Largest distance between the positions of a duplicate and its original.
PUBLISHED_WITHIN: Final = 3 * _DAY
# Versions kept of one report and UTC day of `updated_at`: those with the largest revs.
MAX_VERSIONS: Final = 8
# Event time for which a version is kept; the module's docstring says why it is no less.
RETENTION: Final = ALLOWED_LATENESS + 2 * INFLUENCE + _DAY
# Versions expire in whole buckets of `updated_at`.
_BUCKET: Final = 6 * _HOUR
_WATERMARK: Final = "@watermark"


class VersionSketch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One version of a report in the state, at most 1 KB serialised.

    `published_at`, `updated_at`: microseconds since 1970. `seq`: raw offset of its text. `duplicate_of`,
    `similarity`: its verdict, null and 0 unless it is a duplicate.
    """

    rev: str
    published_at: int
    updated_at: int
    seq: int
    withdrawn: bool
    sketch: Sketch
    duplicate_of: str | None = None
    similarity: float = 0.0


class SketchRecord(msgspec.Struct, frozen=True, array_like=True):
    """Value of the table at "language/report_id": the kept versions of a report, ascending by `rev`, at least one."""

    source: str
    id: str
    versions: tuple[VersionSketch, ...]


class Watermark(msgspec.Struct, frozen=True, array_like=True):
    """Value of the table at "language/@watermark": largest accepted `updated_at`, microseconds since 1970."""

    updated_at: int


class Verdict(NamedTuple):
    """What deduplication says about a report as of its version `max_rev`."""

    state: State
    duplicate_of: str | None
    similarity: float
    max_rev: str


class Reread(NamedTuple):
    """A report is unique, but its text must be read from the raw offset `raw_seq`; `complete` makes the message."""

    report_id: str
    rev: str
    raw_seq: int
    seq: int


class DedupDecision(NamedTuple):
    """What one raw report causes. `verdicts`: those of this report and of every report whose verdict changed.

    `discards`: "repeated" (known before), "superseded" (a larger rev is known and nothing changes for the report).
    `rejected`: then all else is empty. Verdicts and states of one report are ordered by (rev, seq), as always.
    """

    outputs: list[Output]
    writes: list[Write]
    discards: list[str]
    rereads: list[Reread]
    rejected: ReportRejectedError | None
    verdicts: dict[str, Verdict]


class _Shelf:
    """The state of one language: records, and two indexes derived from them."""

    def __init__(self) -> None:
        self.watermark: int | None = None
        self.records: dict[str, SketchRecord] = {}
        self.buckets: defaultdict[int, set[str]] = defaultdict(set)
        # INFLUENCE-wide cell of updated_at -> key of a sketch -> the report filed there, or the set of them.
        self.postings: defaultdict[int, dict[int, str | set[str]]] = defaultdict(dict)

    def put(self, report_id: str, record: SketchRecord | None) -> None:
        old = self.records.get(report_id)
        if record is not None:
            self.records[report_id] = record
        elif old is not None:
            del self.records[report_id]
        before, after = old.versions if old else (), record.versions if record else ()
        if [version.rev for version in before] != [version.rev for version in after]:
            self._index(report_id, before, after)

    def filed_under(self, versions: Iterable[VersionSketch]) -> set[str]:
        """Return the reports that share a key with one of `versions` in its cell or beside it."""
        found: set[str] = set()
        for version in versions:
            cell, keys = version.updated_at // INFLUENCE, sketch_keys(version.sketch)
            for postings in filter(None, map(self.postings.get, (cell - 1, cell, cell + 1))):
                for filed in [postings[key] for key in keys if key in postings]:
                    if isinstance(filed, set):
                        found |= filed
                    else:
                        found.add(filed)
        return found

    def _index(self, report_id: str, before: tuple[VersionSketch, ...], after: tuple[VersionSketch, ...]) -> None:
        old, new = set(_places(before)), set(_places(after))
        for cell, key in old - new:
            self._unfile(cell, key, report_id)
        for cell, key in new - old:
            self._file(cell, key, report_id)
        old_buckets, new_buckets = _buckets(before), _buckets(after)
        for bucket in old_buckets - new_buckets:
            self.buckets[bucket].discard(report_id)
            if not self.buckets[bucket]:
                del self.buckets[bucket]
        for bucket in new_buckets - old_buckets:
            self.buckets[bucket].add(report_id)

    def _file(self, cell: int, key: int, report_id: str) -> None:
        postings = self.postings[cell]
        filed = postings.setdefault(key, report_id)
        if isinstance(filed, set):
            filed.add(report_id)
        elif filed != report_id:
            postings[key] = {filed, report_id}

    def _unfile(self, cell: int, key: int, report_id: str) -> None:
        postings = self.postings[cell]
        filed = postings[key]
        if isinstance(filed, set):
            filed.discard(report_id)
        if filed in (report_id, set()):
            del postings[key]
        if not postings:
            del self.postings[cell]


class DedupState:
    """The table `sketches` of one raw partition, for all of its languages."""

    def __init__(self) -> None:
        self._shelves: dict[str, _Shelf] = {}

    def apply(self, write: Write) -> None:
        """Take over one table record, as decided just now or as read from the changelog."""
        language, _, name = write.key.partition("/")
        shelf = self._shelves.get(language)
        if shelf is None:
            shelf = self._shelves[language] = _Shelf()
        if name != _WATERMARK:
            shelf.put(name, write.value)
        elif write.value is not None:
            shelf.watermark = write.value.updated_at

    def shelf(self, language: str) -> _Shelf:
        """Return the state of `language`, for reading only."""
        return self._shelves.get(language) or _Shelf()

    def sizes(self) -> dict[str, int]:
        """Return how many records are held, and how many entries of the indexes that lead to them."""
        shelves = list(self._shelves.values())
        filed = [filed for shelf in shelves for cell in shelf.postings.values() for filed in cell.values()]
        return {
            "records": sum(len(shelf.records) for shelf in shelves),
            "keys": len(filed),
            "postings": sum(len(ids) if isinstance(ids, set) else 1 for ids in filed),
            "buckets": sum(len(shelf.buckets) for shelf in shelves),
        }


def decide(state: DedupState, report: Report, *, seq: int) -> DedupDecision:
    """Return what one version of a report causes; `seq` is its raw offset. Leaves `state` as it is."""
    shelf = state.shelf(report.language)
    updated_at = _micros(report.updated_at)
    known = shelf.records.get(report.report_id)
    if known is not None and any(version.rev == report.rev for version in known.versions):
        return DedupDecision([], [], ["repeated"], [], None, {})
    watermark = updated_at if shelf.watermark is None else max(shelf.watermark, updated_at)
    if updated_at < watermark - ALLOWED_LATENESS:
        return DedupDecision([], [], [], [], _too_late(report, watermark), {})
    draft = _Draft(shelf, report, seq, watermark)
    draft.expire()
    draft.accept()
    return draft.decision()


def complete(reread: Reread, report: Report) -> Output:
    """Return the message that says that `report`, read again from the raw topic, is unique.

    Raises: ConfigurationError if the report is not the one that was at that offset.
    """
    if (report.report_id, report.rev) != (reread.report_id, reread.rev):
        message = (
            f"raw offset {reread.raw_seq} no longer holds report {reread.report_id} as of {reread.rev}: "
            "the raw topic was made anew; replay it into new tables"
        )
        raise ConfigurationError(message)
    return _unique(report, reread.seq)


def verdict_of(state: DedupState, language: str, report_id: str) -> Verdict | None:
    """Return the verdict about a report, or None if it is not, or no longer, in the state."""
    record = state.shelf(language).records.get(report_id)
    return None if record is None else _verdict(record)


def decode_value(key: str, raw: bytes) -> SketchRecord | Watermark:
    """Return the table value at `key` from its MessagePack bytes."""
    if key.endswith(f"/{_WATERMARK}"):
        return msgspec.msgpack.decode(raw, type=Watermark)
    return msgspec.msgpack.decode(raw, type=SketchRecord)


class _Claim(NamedTuple):
    """A report as seen from a version: its position and its versions in that version's surroundings."""

    position: tuple[int, str]
    versions: list[VersionSketch]


class _Draft:
    """A shelf as it will be once one report is taken over; the shelf itself stays as it is."""

    def __init__(self, shelf: _Shelf, report: Report, seq: int, watermark: int) -> None:
        self._shelf = shelf
        self._report = report
        self._seq = seq
        self._watermark = watermark
        # Records before judging, where expiry changed them, and those judged; None where a record is gone.
        self._expired: dict[str, SketchRecord | None] = {}
        self._judged: dict[str, SketchRecord] = {}
        self._touched: list[VersionSketch] = []
        self._earliest = 0
        self._similarities: dict[tuple[int, int], float] = {}

    def expire(self) -> None:
        """Drop the versions whose bucket the new watermark has left behind."""
        horizon = _horizon(self._watermark)
        if self._shelf.watermark is None or _horizon(self._shelf.watermark) == horizon:
            return
        buckets = [members for bucket, members in self._shelf.buckets.items() if bucket < horizon]
        for report_id in set().union(*buckets):
            record = self._shelf.records[report_id]
            kept = tuple(v for v in record.versions if v.updated_at // _BUCKET >= horizon)
            self._expired[report_id] = msgspec.structs.replace(record, versions=kept) if kept else None

    def accept(self) -> None:
        """Add the version and judge anew every version it may influence."""
        report_id, new = self._report.report_id, _sketch_version(self._report, self._seq)
        old = self._record(report_id)
        before = old.versions if old else ()
        kept, dropped = _keep((*before, new))
        if dropped is new:
            return
        self._touched = [new] if dropped is None else [new, dropped]
        self._judged[report_id] = SketchRecord(self._report.source, self._report.id, kept)
        self._earliest = min(version.published_at for version in kept)
        for other in self._neighbours(report_id, (*before, new)):
            record = self._record(other)
            if record is not None and any(map(self._may_change, record.versions)):
                self._rejudge(other, record.versions, monotone=dropped is None)
        self._store(report_id, [self._judge(report_id, v) if self._is_touched(v) else v for v in kept])

    def decision(self) -> DedupDecision:
        """Return the difference between the draft and the shelf."""
        own = self._report.report_id
        messages: list[Output] = []
        rereads: list[Reread] = []
        verdicts: dict[str, Verdict] = {}
        for report_id in sorted(self._judged, key=lambda id_: (id_ != own, id_)):
            before, record = self._before(report_id), self._judged[report_id]
            old, verdicts[report_id] = _verdict(before) if before else None, _verdict(record)
            self._announce(report_id, record, old, messages, rereads)
        told = any(output.key == own for output in messages) or any(reread.report_id == own for reread in rereads)
        outputs = messages + self._tick()
        return DedupDecision(outputs, self._writes(), [] if told else ["superseded"], rereads, None, verdicts)

    def _record(self, report_id: str) -> SketchRecord | None:
        return self._judged[report_id] if report_id in self._judged else self._before(report_id)

    def _before(self, report_id: str) -> SketchRecord | None:
        return self._expired[report_id] if report_id in self._expired else self._shelf.records.get(report_id)

    def _store(self, report_id: str, versions: list[VersionSketch]) -> None:
        record = self._record(report_id)
        if record is not None and (tuple(versions) != record.versions or report_id == self._report.report_id):
            self._judged[report_id] = SketchRecord(record.source, record.id, tuple(versions))

    def _is_touched(self, version: VersionSketch) -> bool:
        return any(_are_near(version, touched) for touched in self._touched)

    def _neighbours(self, report_id: str, versions: Iterable[VersionSketch]) -> set[str]:
        found = self._shelf.filed_under(versions)
        if report_id != self._report.report_id:
            found.add(self._report.report_id)
        found.discard(report_id)
        return found

    def _claim(self, report_id: str, seen_from: VersionSketch) -> _Claim | None:
        record = self._record(report_id)
        versions = [v for v in record.versions if _are_near(v, seen_from)] if record else []
        if not versions:
            return None
        earliest = versions[0] if len(versions) == 1 else min(versions, key=_published_at)
        return _Claim((earliest.published_at, report_id), versions)

    def _rejudge(self, report_id: str, versions: tuple[VersionSketch, ...], *, monotone: bool) -> None:
        """Judge the versions of another report; `monotone`: the arrival has only added to what they may repeat."""
        self._store(
            report_id,
            [self._reconsider(report_id, v, monotone=monotone) if self._may_change(v) else v for v in versions],
        )

    def _may_change(self, version: VersionSketch) -> bool:
        # A version published before all of the arrived report's cannot repeat it.
        if version.published_at < self._earliest and version.duplicate_of != self._report.report_id:
            return False
        return self._is_touched(version)

    def _reconsider(self, report_id: str, version: VersionSketch, *, monotone: bool) -> VersionSketch:
        """Return `version` judged, by a comparison with the arrived report alone where that is enough."""
        if version.withdrawn:
            return version
        arrived = self._report.report_id
        mine, claim = self._claim(report_id, version), self._claim(arrived, version)
        holds = mine is not None and claim is not None and _precedes(claim, mine)
        if version.duplicate_of == arrived and not (monotone and holds):
            return self._judge(report_id, version)
        if mine is None or claim is None or not holds:
            return version
        if version.duplicate_of not in (None, arrived):
            current = self._claim(version.duplicate_of or "", version)
            if current is not None and current.position < claim.position:
                return version
        return self._attach(version, mine, [claim])

    def _judge(self, report_id: str, version: VersionSketch) -> VersionSketch:
        """Return `version` with its verdict, from its whole surroundings."""
        mine = self._claim(report_id, version)
        if version.withdrawn or mine is None:
            return version
        claims = [self._claim(other, version) for other in self._neighbours(report_id, mine.versions)]
        earlier = [claim for claim in claims if claim is not None and _precedes(claim, mine)]
        cleared = msgspec.structs.replace(version, duplicate_of=None, similarity=0.0)
        return self._attach(cleared, mine, sorted(earlier))

    def _attach(self, version: VersionSketch, mine: _Claim, claims: list[_Claim]) -> VersionSketch:
        """Return `version` as a duplicate of the first of `claims` that is similar, else as it is."""
        for claim in claims:
            best = max([self._similarity(a, b) for a in mine.versions for b in claim.versions])
            if best:
                return msgspec.structs.replace(version, duplicate_of=claim.position[1], similarity=best)
        return version

    def _similarity(self, a: VersionSketch, b: VersionSketch) -> float:
        """Return the similarity of two versions, 0 unless they are near, share a key and are copies."""
        pair = (id(a.sketch), id(b.sketch))
        if not _are_near(a, b):
            return 0.0
        if pair not in self._similarities:
            found = copy_similarity(a.sketch, b.sketch)
            filed_apart = found and set(sketch_keys(a.sketch)).isdisjoint(sketch_keys(b.sketch))
            self._similarities[pair] = 0.0 if filed_apart else found
        return self._similarities[pair]

    def _announce(
        self, report_id: str, record: SketchRecord, old: Verdict | None, messages: list[Output], rereads: list[Reread]
    ) -> None:
        new, newest = _verdict(record), record.versions[-1]
        if new == old:
            return
        if old is not None and new[:2] == old[:2] and new.max_rev == old.max_rev:
            messages.append(_duplicate(report_id, record, self._report.language, self._seq))
        elif new.state == "unique" and newest.rev == self._report.rev and report_id == self._report.report_id:
            messages.append(_unique(self._report, self._seq))
        elif new.state == "unique":
            rereads.append(Reread(report_id, newest.rev, newest.seq, self._seq))
        else:
            messages.append(_shadowed(report_id, record, self._report.language, self._seq))
            if new.state == "duplicate":
                messages.append(_duplicate(report_id, record, self._report.language, self._seq))

    def _tick(self) -> list[Output]:
        before = self._shelf.watermark
        if before is not None and before // _HOUR == self._watermark // _HOUR:
            return []
        tick = Tick(language=self._report.language, watermark=_moment(self._watermark))
        return [Output("reports.unique", None, tick, broadcast=True)]

    def _writes(self) -> list[Write]:
        language, writes = self._report.language, []
        if self._watermark != self._shelf.watermark:
            writes.append(Write(f"{language}/{_WATERMARK}", Watermark(self._watermark)))
        for report_id, record in sorted({**self._expired, **self._judged}.items(), key=lambda item: item[0]):
            if record != self._shelf.records.get(report_id):
                writes.append(Write(f"{language}/{report_id}", record))
        return writes


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _horizon(watermark: int) -> int:
    # The first bucket that is kept: a bucket goes when the watermark is more than RETENTION past its end.
    return (watermark - RETENTION - 1) // _BUCKET


def _places(versions: tuple[VersionSketch, ...]) -> Iterator[tuple[int, int]]:
    for version in versions:
        cell = version.updated_at // INFLUENCE
        for key in sketch_keys(version.sketch):
            yield cell, key


def _buckets(versions: tuple[VersionSketch, ...]) -> set[int]:
    return {version.updated_at // _BUCKET for version in versions}


def _are_near(a: VersionSketch, b: VersionSketch) -> bool:
    return -INFLUENCE <= a.updated_at - b.updated_at <= INFLUENCE


def _published_at(version: VersionSketch) -> int:
    return version.published_at


def _precedes(claim: _Claim, mine: _Claim) -> bool:
    return claim.position < mine.position and mine.position[0] - claim.position[0] <= PUBLISHED_WITHIN


def _sketch_version(report: Report, seq: int) -> VersionSketch:
    return VersionSketch(
        rev=report.rev,
        published_at=_micros(report.published_at),
        updated_at=_micros(report.updated_at),
        seq=seq,
        withdrawn=report.status == "withdrawn",
        sketch=sketch_text(report.title, report.text),
    )


def _keep(versions: tuple[VersionSketch, ...]) -> tuple[tuple[VersionSketch, ...], VersionSketch | None]:
    """Return the versions by rev, and the one that is too much for the day of the last of `versions`, if any."""
    day = versions[-1].updated_at // _DAY
    same_day = [version for version in versions if version.updated_at // _DAY == day]
    smallest = min(same_day, key=lambda version: version.rev)
    dropped = smallest if len(same_day) > MAX_VERSIONS else None
    kept = sorted((v for v in versions if v is not dropped), key=lambda version: version.rev)
    return tuple(kept), dropped


def _verdict(record: SketchRecord) -> Verdict:
    newest = record.versions[-1]
    if newest.withdrawn:
        return Verdict("withdrawn", None, 0.0, newest.rev)
    state: State = "unique" if newest.duplicate_of is None else "duplicate"
    return Verdict(state, newest.duplicate_of, newest.similarity, newest.rev)


def _unique(report: Report, seq: int) -> Output:
    value = ReportState(
        report_id=report.report_id,
        rev=report.rev,
        seq=seq,
        state="unique",
        language=report.language,
        updated_at=report.updated_at,
        report=report,
    )
    return Output("reports.unique", report.report_id, value)


def _shadowed(report_id: str, record: SketchRecord, language: str, seq: int) -> Output:
    newest = record.versions[-1]
    value = ReportState(
        report_id=report_id,
        rev=newest.rev,
        seq=seq,
        state=_verdict(record).state,
        language=language,
        updated_at=_moment(newest.updated_at),
    )
    return Output("reports.unique", report_id, value)


def _duplicate(report_id: str, record: SketchRecord, language: str, seq: int) -> Output:
    newest = record.versions[-1]
    value = DuplicateRecord(
        report_id=report_id,
        rev=newest.rev,
        seq=seq,
        source=record.source,
        id=record.id,
        language=language,
        duplicate_of=newest.duplicate_of or "",
        similarity=newest.similarity,
        updated_at=_moment(newest.updated_at),
    )
    return Output("reports.duplicate", report_id, value)


def _too_late(report: Report, watermark: int) -> ReportRejectedError:
    newest = _moment(watermark).isoformat(timespec="seconds")
    detail = f"'updated_at' is {report.updated_at.isoformat(timespec='seconds')}; {report.language!r} is at {newest}"
    return ReportRejectedError("too_late", detail, "updated_at")
