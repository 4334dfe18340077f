"""The reports behind events: what deduplication last said of them, and which copies it did not count."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotation
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streams.cli.scanning import partition_of, place_of
from streams.core.models import DuplicateRecord, ReportState, State, Tick

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from streams.cli.scanning import Scanner
    from streams.settings import Settings

__all__ = ["Copy", "ReportSeen", "Version", "newest_of", "read_reports", "read_versions"]

_state_decoder = msgspec.json.Decoder(ReportState | Tick)


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A near-duplicate that was not counted; `duplicate_of` may itself be a copy. `similarity`: 0..1.

    `raw`: the record of `reports.raw` that led to this verdict, mostly the copy itself.
    """

    report_id: str
    outlet: str
    id: str
    duplicate_of: str
    similarity: float
    place: str
    raw: str


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What `reports.unique` says of a report at `place`; title, url and dates only while it is unique."""

    report_id: str
    place: str
    raw: str
    rev: str
    seq: int
    state: State
    updated_at: datetime
    outlet: str | None = None
    title: str | None = None
    url: str | None = None
    published_at: datetime | None = None
    language: str


class ReportSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it stands, and the copies of it that were not counted."""

    version: Version
    copies: tuple[Copy, ...] = ()


class _Duplicate(NamedTuple):
    record: DuplicateRecord
    place: str


def read_reports(scanner: Scanner, settings: Settings, ids: Collection[str]) -> dict[str, ReportSeen]:
    """Return the reports `ids` that `reports.unique` still holds, with their uncounted copies."""
    duplicates = _read_duplicates(scanner, settings)
    families = {id_: list(_copies_of(id_, duplicates)) for id_ in ids}
    wanted = {*ids, *(copy.record.report_id for family in families.values() for copy in family)}
    newest = {id_: newest_of(versions) for id_, versions in read_versions(scanner, settings, wanted).items()}
    raw, count = settings.topic("reports.raw"), scanner.count(settings.topic("reports.raw"))
    return {
        id_: ReportSeen(
            version=newest[id_],
            copies=tuple(
                _copy(found, raw, count)
                for found in families[id_]
                if _still_a_copy(newest.get(found.record.report_id), found.record)
            ),
        )
        for id_ in ids
        if id_ in newest
    }


def read_versions(scanner: Scanner, settings: Settings, ids: Collection[str]) -> dict[str, list[Version]]:
    """Return all that `reports.unique` says of the reports `ids`, each in log order."""
    versions: dict[str, list[Version]] = {}
    raw, count = settings.topic("reports.raw"), scanner.count(settings.topic("reports.raw"))
    for record in scanner.records(settings.topic("reports.unique"), ids):
        item = _state_decoder.decode(record.value)
        if isinstance(item, ReportState):
            versions.setdefault(item.report_id, []).append(_version(item, place_of(record), raw, count))
    return versions


def _read_duplicates(scanner: Scanner, settings: Settings) -> dict[str, list[_Duplicate]]:
    """Return original -> the reports last said to repeat it. All is read: the topic's key is the copy's id."""
    newest: dict[str, _Duplicate] = {}
    for record in scanner.records(settings.topic("reports.duplicate")):
        found = msgspec.json.decode(record.value, type=DuplicateRecord)
        known = newest.get(found.report_id)
        if known is None or (found.rev, found.seq) > (known.record.rev, known.record.seq):
            newest[found.report_id] = _Duplicate(found, place_of(record))
    by_original: dict[str, list[_Duplicate]] = {}
    for duplicate in newest.values():
        by_original.setdefault(duplicate.record.duplicate_of, []).append(duplicate)
    return by_original


def _copies_of(original: str, duplicates: dict[str, list[_Duplicate]]) -> Iterator[_Duplicate]:
    """Yield the copies of `original`, and the copies of its copies."""
    seen, waiting = {original}, [original]
    while waiting:
        for duplicate in sorted(duplicates.get(waiting.pop(), ()), key=lambda found: found.record.report_id):
            if duplicate.record.report_id not in seen:
                seen.add(duplicate.record.report_id)
                waiting.append(duplicate.record.report_id)
                yield duplicate


def _still_a_copy(newest: Version | None, record: DuplicateRecord) -> bool:
    # Retention may have taken the state; then the duplicate record is the last word.
    return newest is None or (newest.state == "duplicate" and (newest.rev, newest.seq) <= (record.rev, record.seq))


def newest_of(versions: Iterable[Version]) -> Version:
    """Return the version that counts."""
    return max(versions, key=lambda version: (version.rev, version.seq))


def _copy(found: _Duplicate, raw: str, count: int) -> Copy:
    record = found.record
    return Copy(
        report_id=record.report_id,
        outlet=record.source,
        id=record.id,
        duplicate_of=record.duplicate_of,
        similarity=record.similarity,
        place=found.place,
        raw=f"{raw}[{partition_of(record.language, count)}]@{record.seq}",
    )


def _version(item: ReportState, place: str, raw: str, count: int) -> Version:
    report = item.report
    return Version(
        report_id=item.report_id,
        place=place,
        raw=f"{raw}[{partition_of(item.language, count)}]@{item.seq}",
        rev=item.rev,
        seq=item.seq,
        state=item.state,
        updated_at=item.updated_at,
        outlet=report.source if report else None,
        title=report.title if report else None,
        url=report.url if report else None,
        published_at=report.published_at if report else None,
        language=item.language,
    )
