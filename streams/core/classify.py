"""The classify stage: from what deduplication says of a report to coded events and ledger contributions.

The table `coded` remembers what each report has asserted, so that a new revision sends only the difference and a
report that stops being unique takes back everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from streams.core.coder import code_report
from streams.core.decision import Decision, Output, Write
from streams.core.identity import event_id
from streams.core.models import (
    QUAD_CLASS,
    ActorRef,
    CodedEvent,
    Coding,
    Contribution,
    Report,
    ReportState,
    Tick,
    event_key,
)

if TYPE_CHECKING:
    from streams.core.codebook import Codebook

__all__ = [
    "CODED_KEPT",
    "ClassifyState",
    "CodedRecord",
    "CodedRef",
    "Coder",
    "code_events",
    "coder_of",
    "decide",
    "decode_value",
]

# Reads a report; the codebook is bound into it.
Coder = Callable[[Report], list[Coding]]

# How long a report's assertions are remembered, in event time: allowed lateness (7 d) + the ledger's window (30 d).
CODED_KEPT: Final = timedelta(days=37)
WATERMARK_KEY: Final = "@watermark"

_Group = tuple[str, str, str, date]


class CodedRef(msgspec.Struct, frozen=True, array_like=True):
    """What must be known of an asserted event to take it back or to see that it is unchanged."""

    event_id: str
    source: str
    target: str
    plover: str
    mode: str
    cameo: str
    day: date
    goldstein: float
    confidence: float
    fingerprint: str


class CodedRecord(msgspec.Struct, frozen=True, array_like=True):
    """The newest (`rev`, `seq`) seen of a report and the events it asserts; the value of the table `coded`."""

    rev: str
    seq: int
    updated_at: datetime
    published_at: datetime
    outlet: str
    events: tuple[CodedRef, ...]


class ClassifyState:
    """The coded reports of one partition, in buckets of one day of event time so that expiry never scans."""

    def __init__(self) -> None:
        self.records: dict[str, CodedRecord] = {}
        self.watermark: datetime | None = None
        self._days: dict[date, set[str]] = {}

    def apply(self, write: Write) -> None:
        """Take one write, live or from the changelog."""
        if write.key == WATERMARK_KEY:
            self.watermark = write.value
            return
        old = self.records.pop(write.key, None)
        if old is not None:
            self._forget(write.key, old.updated_at.date())
        if write.value is not None:
            self.records[write.key] = write.value
            self._days.setdefault(write.value.updated_at.date(), set()).add(write.key)

    def expired(self, watermark: datetime) -> list[str]:
        """Return the report ids whose whole day lies before `watermark` minus CODED_KEPT, sorted."""
        limit = (watermark - CODED_KEPT).date()
        return sorted(key for day, keys in self._days.items() if day < limit for key in keys)

    def _forget(self, key: str, day: date) -> None:
        keys = self._days[day]
        keys.discard(key)
        if not keys:
            del self._days[day]


def coder_of(codebook: Codebook) -> Coder:
    """Return the coder that reads reports with `codebook`."""
    return lambda report: code_report(codebook, report.title, report.text, report.published_at)


def decode_value(key: str, raw: bytes) -> CodedRecord | datetime:
    """Return the value that a changelog record of the table `coded` carries."""
    return _WATERMARK.decode(raw) if key == WATERMARK_KEY else _RECORD.decode(raw)


_RECORD: Final = msgspec.msgpack.Decoder(CodedRecord)
_WATERMARK: Final = msgspec.msgpack.Decoder(datetime)


def decide(state: ClassifyState, item: ReportState | Tick, coder: Coder, codebook_version: str) -> Decision:
    """Return the events, contributions and writes that follow from `item`; `state` is only read."""
    if isinstance(item, Tick):
        return Decision([Output("events.by_actor", None, item, broadcast=True)], _advance(state, item.watermark), [])
    old = state.records.get(item.report_id)
    if old is not None and (item.rev, item.seq) <= (old.rev, old.seq):
        return Decision([], [], ["repeated" if (item.rev, item.seq) == (old.rev, old.seq) else "superseded"])
    events = code_events(item, coder, codebook_version)
    record = _record(item, events)
    outputs = [*_event_outputs(item, old, record, events, codebook_version), *_contributions(item, old, record)]
    return Decision(outputs, [Write(item.report_id, record), *_advance(state, item.updated_at, item.report_id)], [])


def _advance(state: ClassifyState, moment: datetime, kept: str | None = None) -> list[Write]:
    # `kept`: the report that is just being written; its old record may be what expires.
    # Persisted once an hour of event time: it only drives expiry, which works in whole days.
    if state.watermark is not None and moment < state.watermark + timedelta(hours=1):
        return []
    return [Write(WATERMARK_KEY, moment), *(Write(key, None) for key in state.expired(moment) if key != kept)]


def code_events(item: ReportState, coder: Coder, codebook_version: str) -> list[CodedEvent]:
    """Return the events that `item` asserts: none unless it is unique."""
    report = item.report
    if item.state != "unique" or report is None:
        return []
    ordinals: dict[_Group, int] = {}
    return [_event(item, report, coding, ordinals, codebook_version) for coding in coder(report)]


def _event(
    item: ReportState, report: Report, coding: Coding, ordinals: dict[_Group, int], codebook_version: str
) -> CodedEvent:
    source, target = coding.source_actor.id, coding.target_actor.id
    group = (source, target, coding.plover, coding.occurred_on)
    ordinal = ordinals.get(group, 0)
    ordinals[group] = ordinal + 1
    return CodedEvent(
        event_id=event_id(item.report_id, *group, ordinal),
        report_id=item.report_id,
        rev=item.rev,
        seq=item.seq,
        sentence=coding.sentence,
        span=coding.span,
        text=coding.text,
        source_actor=coding.source_actor,
        target_actor=coding.target_actor,
        plover=coding.plover,
        mode=coding.mode,
        cameo=coding.cameo,
        quad_class=QUAD_CLASS[coding.plover],
        goldstein=coding.goldstein,
        confidence=coding.confidence,
        occurred_on=coding.occurred_on,
        published_at=report.published_at,
        outlet=report.source,
        retracted=False,
        codebook_version=codebook_version,
    )


def _record(item: ReportState, events: list[CodedEvent]) -> CodedRecord:
    # Date and outlet serve to take events back: a record without events needs neither.
    report = item.report if events else None
    return CodedRecord(
        rev=item.rev,
        seq=item.seq,
        updated_at=item.updated_at,
        published_at=report.published_at if report else datetime(1900, 1, 1, tzinfo=UTC),
        outlet=report.source if report else "",
        events=tuple(_ref(event) for event in events),
    )


def _ref(event: CodedEvent) -> CodedRef:
    content = msgspec.structs.replace(event, rev="", seq=0)
    return CodedRef(
        event.event_id,
        event.source_actor.id,
        event.target_actor.id,
        event.plover,
        event.mode,
        event.cameo,
        event.occurred_on,
        event.goldstein,
        event.confidence,
        blake2b(msgspec.msgpack.encode(content), digest_size=8).hexdigest(),
    )


def _event_outputs(
    item: ReportState, old: CodedRecord | None, new: CodedRecord, events: list[CodedEvent], codebook_version: str
) -> Iterable[Output]:
    before = {ref.event_id: ref for ref in old.events} if old is not None else {}
    for event, ref in zip(events, new.events, strict=True):
        known = before.pop(event.event_id, None)
        if known is None or known.fingerprint != ref.fingerprint:
            yield Output("events.coded", event_key(ref.source, ref.target), event)
    if old is None:
        return
    for ref in before.values():
        yield Output("events.coded", event_key(ref.source, ref.target), _retraction(item, old, ref, codebook_version))


def _retraction(item: ReportState, old: CodedRecord, ref: CodedRef, codebook_version: str) -> CodedEvent:
    return CodedEvent(
        event_id=ref.event_id,
        report_id=item.report_id,
        rev=item.rev,
        seq=item.seq,
        sentence=0,
        span=(0, 0),
        text="",
        source_actor=ActorRef(id=ref.source),
        target_actor=ActorRef(id=ref.target),
        plover=ref.plover,
        mode=ref.mode,
        cameo=ref.cameo,
        quad_class=QUAD_CLASS[ref.plover],
        goldstein=ref.goldstein,
        confidence=ref.confidence,
        occurred_on=ref.day,
        published_at=old.published_at,
        outlet=old.outlet,
        retracted=True,
        codebook_version=codebook_version,
    )


def _contributions(item: ReportState, old: CodedRecord | None, new: CodedRecord) -> Iterable[Output]:
    before = _groups(old) if old else {}
    after = _groups(new)
    for group in sorted(before.keys() | after.keys()):
        said = after.get(group)
        if said == before.get(group):
            continue
        goldstein, confidence, published_at, outlet, ids = said or before[group]
        source, target, plover, day = group
        for actor in sorted({source, target}):
            contribution = Contribution(
                actor=actor,
                day=day,
                source=source,
                target=target,
                plover=plover,
                report_id=item.report_id,
                rev=item.rev,
                seq=item.seq,
                present=said is not None,
                goldstein=goldstein,
                confidence=confidence,
                published_at=published_at,
                updated_at=item.updated_at,
                outlet=outlet,
                event_ids=ids,
            )
            yield Output("events.by_actor", actor, contribution)


def _groups(record: CodedRecord) -> dict[_Group, tuple[float, float, datetime, str, tuple[str, ...]]]:
    refs: dict[_Group, list[CodedRef]] = {}
    for ref in record.events:
        refs.setdefault((ref.source, ref.target, ref.plover, ref.day), []).append(ref)
    return {
        group: (
            sorted(ref.goldstein for ref in members)[(len(members) - 1) // 2],
            max(ref.confidence for ref in members),
            record.published_at,
            record.outlet,
            tuple(sorted(ref.event_id for ref in members)),
        )
        for group, members in refs.items()
    }
