"""Writes `schemas/golden`: example records that the core itself made, with the bytes that travel.

Run it only when a message has got a new field: `python tests/contract/make_golden.py`. What was released keeps its own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.codebook import load_codebook
from streams.contract.folder import REPOSITORY_SCHEMAS
from streams.core import classify, dedup, ledger, tension
from streams.core.errors import ReportRejectedError
from streams.core.models import CodedEvent, Contribution, DuplicateRecord, ReportState, Tick, event_key
from streams.core.reports import admit_report, language_of

if TYPE_CHECKING:
    from pathlib import Path

    from streams.core.decision import Decision, Output

GOLDEN = REPOSITORY_SCHEMAS / "golden"
INGESTED_AT = datetime(2018, 11, 1, tzinfo=UTC)
FILLER = (
    "The ministry said in a statement that the situation along the border remained tense after a week of heavy rain, "
    "and that schools, markets and the main harbour would stay closed until further notice, while residents queued "
    "for bread, fuel and drinking water in several districts of the old town."
)
AGENDA = (
    "Delegates spent the afternoon on the agenda of the winter session, on fees for the new conference centre and on "
    "the seating plan of the plenary hall, and will meet again after the holidays."
)


class Golden(NamedTuple):
    """A record: `value` None is a tombstone; `headers` are those of the rejected topic."""

    topic: str
    name: str
    shows: str
    key: str | None
    value: bytes | None
    headers: dict[str, str] | None = None


class Stages:
    """The three stages in one process, keeping all they send."""

    def __init__(self) -> None:
        codebook = load_codebook()
        self.names = codebook.catalogue.names
        self.sent: list[Output] = []
        self.ledger = ledger.LedgerState()
        self._sketches = dedup.DedupState()
        self._coded = classify.ClassifyState()
        self._coder = classify.coder_of(codebook)
        self._version = codebook.version

    def push(self, raw: bytes, seq: int) -> None:
        decision = dedup.decide(self._sketches, admit_report(raw, ingested_at=INGESTED_AT), seq=seq)
        assert decision.rejected is None
        for output in self._take(decision, self._sketches):
            if isinstance(output.value, ReportState | Tick):
                self._classify(output.value)

    def tick(self, watermark: datetime) -> None:
        self._take(ledger.decide(self.ledger, Tick(language="en", watermark=watermark)), self.ledger)

    def _classify(self, item: ReportState | Tick) -> None:
        for output in self._take(classify.decide(self._coded, item, self._coder, self._version), self._coded):
            if isinstance(output.value, Contribution | Tick):
                self._take(ledger.decide(self.ledger, output.value), self.ledger)

    def _take(self, decision: Any, state: Any) -> list[Output]:
        taken: Decision = decision
        for write in taken.writes:
            state.apply(write)
        self.sent += taken.outputs
        return taken.outputs

    def first(self, topic: str, kind: type, **fields: Any) -> Output:
        """Return the first message of `topic` that is a `kind` with these `fields`."""
        return next(
            output
            for output in self.sent
            if output.topic == topic
            and isinstance(output.value, kind)
            and all(getattr(output.value, name) == wanted for name, wanted in fields.items())
        )


def raw(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


def day(number: int, hour: int = 6) -> str:
    return (datetime(2018, 9, 1, hour, tzinfo=UTC) + timedelta(days=number)).isoformat()


def make_reports() -> dict[str, bytes]:
    """Return raw reports by name, in the order in which they are sent."""
    strike = {
        "source": "golden-wire",
        "id": "strike",
        "published_at": "2018-09-18T09:12:00+03:00",
        "title": "🔴 Israel accuses Iran",
        "text": f"Israeli warplanes attacked Syria on Monday. {FILLER}",
        "url": "https://wire.example/strike",
        "language": "en-GB",
    }
    corrected = {**strike, "text": f"Israel condemned Syria on Monday. {FILLER}", "version": 1}
    talks = f"The United Nations held talks with Iran on Monday. {AGENDA}"
    earlier = {
        f"day-{number}": raw(
            source="golden-wire",
            id=f"day-{number}",
            published_at=day(number),
            text=f"Russia attacked Ukraine. Grid squares: {' '.join(f'{number + 20}-{n}' for n in range(20))}.",
            language="en",
        )
        for number in range(-12, 17)
    }
    return {
        **earlier,
        "full": raw(**strike),
        "copy": raw(**{**strike, "source": "golden-post", "id": "c1", "published_at": day(17, 8)}),
        "truncated-copy": raw(
            **{
                **strike,
                "source": "golden-daily",
                "id": "c2",
                "published_at": day(17, 9),
                "text": strike["text"][:270],
            }
        ),
        "copy-without-url": raw(
            source="golden-times", published_at=day(17, 9), title=strike["title"], text=strike["text"], language="en"
        ),
        "correction": raw(**corrected, updated_at="2018-09-18T10:30:00.123456+03:00"),
        "minimal": raw(source="golden-wire", published_at="2018-09-18T09:12:00Z", text=talks),
        "nulls": raw(
            source="golden-wire",
            published_at="2018-09-18T09:15:00Z",
            title="Germany signed an agreement with France",
            text=None,
            id=None,
            url="https://wire.example/2",
            language="en",
            version=None,
            updated_at=None,
            status=None,
        ),
        "unknown-field": raw(
            source="golden-wire",
            id="u1",
            published_at="2018-09-18T09:20:00Z",
            title="La Russie a attaqué l'Ukraine",
            language="fr",
            byline={"name": "A. Reporter", "tags": ["war"]},
        ),
        "withdrawal": raw(**{**corrected, "version": 2, "updated_at": day(18), "status": "withdrawn"}),
    }


def make_goldens() -> list[Golden]:
    """Return all golden records."""
    reports, stages = make_reports(), Stages()
    for seq, body in enumerate(reports.values()):
        stages.push(body, seq)
    return [*_raw(reports), *_derived(stages), *_rejected(), *_rows(stages)]


def _raw(reports: dict[str, bytes]) -> list[Golden]:
    shown = {
        "minimal": "the least a report needs; without a language its key is und",
        "full": "every common field; an offset that is not UTC; a title beyond the basic plane",
        "nulls": "null is as good as missing",
        "unknown-field": "fields of other names are ignored",
        "correction": "a newer version of `full`",
        "withdrawal": "the source takes `full` back",
    }
    return [
        Golden("reports.raw.v1", name, text, language_of(json.loads(reports[name]).get("language")), reports[name])
        for name, text in shown.items()
    ]


def _derived(stages: Stages) -> list[Golden]:
    unique, duplicate, coded = "reports.unique", "reports.duplicate", "events.coded"
    shown: list[tuple[Output, str, str]] = [
        (stages.first(unique, ReportState, state="unique", language="fr"), "unique", "a report that counts"),
        (stages.first(unique, ReportState, state="duplicate"), "duplicate", "a copy: null for the report"),
        (stages.first(unique, ReportState, state="withdrawn"), "withdrawn", "taken back by its source"),
        (stages.first(unique, Tick), "tick", "event time advances; no key, in every partition"),
        (stages.first(duplicate, DuplicateRecord, source="golden-post"), "copy", "a whole copy"),
        (stages.first(duplicate, DuplicateRecord, source="golden-daily"), "truncated-copy", "most of the words"),
        (stages.first(duplicate, DuplicateRecord, source="golden-times"), "copy-without-id", "an id from the content"),
        (stages.first(coded, CodedEvent, plover="ASSAULT", sentence=1), "asserted", "an event of two states"),
        (
            stages.first(coded, CodedEvent, sentence=0, plover="ACCUSE"),
            "beyond-the-basic-plane",
            "offsets count code points: the title begins with one that UTF-16 writes as two units",
        ),
        (
            stages.first(coded, CodedEvent, plover="CONSULT"),
            "organisation",
            "an international organisation: its country is null",
        ),
        (stages.first(coded, CodedEvent, retracted=True), "retraction", "takes an event back: no words, no mentions"),
    ]
    return [
        Golden(f"{output.topic}.v1", name, text, output.key, msgspec.json.encode(output.value))
        for output, name, text in shown
    ]


def _rejected() -> list[Golden]:
    bad: dict[str, tuple[str | None, bytes]] = {
        "no-zone": ("en", raw(source="golden-wire", published_at="2018-09-18T09:12:00", text="Calm.")),
        "no-source": ("en", raw(published_at="2018-09-18T09:12:00Z", text="Calm.")),
        "not-utf8": (None, b'{"source": "golden-wire", "text": "\xff\xfe"}'),
        "not-json": ("und", b"<html>"),
    }
    return [_rejection(name, key, body, offset) for offset, (name, (key, body)) in enumerate(bad.items())]


def _rejection(name: str, key: str | None, body: bytes, offset: int) -> Golden:
    try:
        admit_report(body, ingested_at=INGESTED_AT)
    except ReportRejectedError as error:
        headers = {
            "code": error.code,
            "detail": error.detail,
            "field": error.field or "",
            "stage": "deduplicate",
            "topic": "tensionwire.reports.raw.v1",
            "partition": "0",
            "offset": str(1842 + offset),
            "ingested_at_ms": str(int(INGESTED_AT.timestamp() * 1000)),
        }
        return Golden("reports.rejected.v1", name, f"rejected as {error.code}", key, body, headers)
    raise AssertionError(name)


def _rows(stages: Stages) -> list[Golden]:
    now, later = datetime(2018, 9, 19, 6, tzinfo=UTC), datetime(2018, 10, 25, tzinfo=UTC)
    zero = "all events are older than 30 days: zeros, and nulls for what is not there"
    gone = "a tombstone: it has left the ledger; forget its row"
    rows = [
        _actor(stages, "RUS", now, "baseline", "a loud actor: its baseline and the change against it"),
        _actor(stages, "UN", now, "quiet", "few events: no baseline, no change"),
        _dyad(stages, "RUS", "UKR", now, "conflict", "who does what to whom"),
        _dyad(stages, "UN", "IRN", now, "cooperation", "cooperation alone: tension 0"),
    ]
    stages.tick(later)
    return [
        *rows,
        _actor(stages, "UN", later, "zero", zero),
        _dyad(stages, "UN", "IRN", later, "zero", zero),
        Golden("tension.actors.v1", "tombstone", gone, "UN", None),
        Golden("tension.dyads.v1", "tombstone", gone, "UN>IRN", None),
    ]


def _actor(stages: Stages, actor: str, at: datetime, name: str, shows: str) -> Golden:
    row = tension.actor_row(stages.ledger, actor, at, stages.names)
    return Golden("tension.actors.v1", name, shows, actor, msgspec.json.encode(row))


def _dyad(stages: Stages, source: str, target: str, at: datetime, name: str, shows: str) -> Golden:
    row = tension.dyad_row(stages.ledger, source, target, at)
    return Golden("tension.dyads.v1", name, shows, event_key(source, target), msgspec.json.encode(row))


def write(folder: Path) -> None:
    """Write the files and `records.json`, which says what each is."""
    index = []
    for golden in make_goldens():
        (folder / golden.topic).mkdir(parents=True, exist_ok=True)
        entry: dict[str, Any] = {"topic": golden.topic, "name": golden.name, "shows": golden.shows, "key": golden.key}
        place = f"{golden.topic}/{golden.name}"
        entry["value"] = None
        if golden.headers is not None:
            entry["headers"], entry["value"] = f"{place}.json", f"{place}.bin"
            (folder / entry["headers"]).write_bytes(msgspec.json.encode(golden.headers))
        elif golden.value is not None:
            entry["value"] = f"{place}.json"
        if golden.value is not None:
            (folder / entry["value"]).write_bytes(golden.value)
        index.append(entry)
    (folder / "records.json").write_text(json.dumps(index, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write(GOLDEN)
