"""Sending dead letters back: what would happen to each now, and the records that are sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from kafka import TopicPartition

from streams.cli.letters.reading import REDRIVEN_HEADER, Letter, remedy_of
from streams.cli.scanning import partition_of
from streams.client.reading import open_consumer
from streams.core import dedup
from streams.core.decision import Write
from streams.core.errors import ConfigurationError, ReportRejectedError
from streams.core.models import Contribution, Report, ReportState, Tick
from streams.core.reports import admit_fields, read_object
from streams.feeds.language import complete_fields
from streams.feeds.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.settings import Settings

__all__ = ["FIELDS", "Judge", "Refusal", "ReturnSender", "Returned", "parse_changes"]

# The fields of a raw report (DESIGN: contracts); any other name in --set is a slip.
FIELDS: Final = ("source", "id", "published_at", "title", "text", "url", "language", "version", "updated_at", "status")
# Changelog records read back for the watermark of a language; it is written whenever it moves.
_WATERMARK_RECORDS: Final = 200_000
_POLL_MS: Final = 500
_INNER: Final[dict[str, Any]] = {
    "classify": msgspec.json.Decoder(ReportState | Tick),
    "aggregate": msgspec.json.Decoder(Contribution | Tick),
}


class Returned(NamedTuple):
    """A letter that would be accepted now, as it will be sent; `note` says what is changed or uncertain."""

    letter: Letter
    topic: str
    partition: int
    key: bytes | None
    value: bytes
    note: str


class Refusal(NamedTuple):
    """A letter that would be rejected again, or must not go back."""

    letter: Letter
    code: str
    detail: str
    remedy: str


def parse_changes(given: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of `--set field=value`; an empty value takes the field out, `version` is a number.

    Raises: ConfigurationError naming the argument.
    """
    changes: dict[str, Any] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or name not in FIELDS:
            raise ConfigurationError(f"--set {argument}: give field=value, with a field of {', '.join(FIELDS)}")
        if name == "version" and value and not value.isdecimal():
            raise ConfigurationError(f"--set {argument}: 'version' is a whole number")
        changes[name] = int(value) if name == "version" and value else value or None
    return changes


class Judge:
    """Says of each letter what would become of it now: the checks of a feeder, then the worker's on lateness."""

    def __init__(self, settings: Settings, codebook_version: str, changes: Mapping[str, Any]) -> None:
        self._settings = settings
        self._changes = changes
        self._inner = {
            "classify": settings.topic("reports.unique"),
            "aggregate": settings.internal_topic("events.by_actor", codebook_version),
        }
        self._watermarks = _Watermarks(settings, codebook_version)
        self._raw = settings.topic("reports.raw")
        self._counts: dict[str, int] = {}

    def judge(self, letter: Letter) -> Returned | Refusal:
        """Return the record to send, or why there is none; letters must come in the order they will be sent."""
        if letter.stage in self._inner:
            return self._judge_inner(letter)
        if letter.topic != self._raw:
            return Refusal(letter, "foreign", f"it was not refused on {self._raw} by a worker", remedy_of(letter.code))
        try:
            return self._judge_report(letter)
        except ReportRejectedError as error:
            return Refusal(letter, error.code, error.detail, error.remedy)

    def _judge_report(self, letter: Letter) -> Returned:
        fields = read_object(letter.value)
        notes = [f"{name} set" if value is not None else f"{name} removed" for name, value in self._changes.items()]
        fields.update({name: value for name, value in self._changes.items() if value is not None})
        for name in [name for name, value in self._changes.items() if value is None]:
            fields.pop(name, None)
        # A feeder's completion, but no invented `source`: who said it is not ours to say.
        if complete_fields(fields, None):
            notes.append(f"language {fields['language']} detected")
        report = admit_fields(fields, ingested_at=datetime.now(UTC))
        self._watermarks.check(report)
        key = report.language.encode()
        partition = self._partition(self._raw, key)
        if partition != letter.origin_partition:
            notes.append(f"re-keyed to partition {partition}")
        if letter.code == "internal_error":
            notes.append("accepted only if the bug behind internal_error is mended")
        value = json.dumps(fields, ensure_ascii=False).encode() if _is_changed(notes) else letter.value
        return Returned(letter, self._raw, partition, key, value, ", ".join(notes))

    def _judge_inner(self, letter: Letter) -> Returned | Refusal:
        topic = self._inner[letter.stage]
        if letter.topic != topic:
            detail = f"{letter.topic} belongs to another codebook's application; {topic} is this one's"
            return Refusal(letter, "other_codebook", detail, "nothing to do: this application read reports.raw itself")
        if self._changes:
            detail = f"--set changes reports; this is a message of {letter.stage}'s input"
            return Refusal(letter, "not_a_report", detail, "leave --set out, or choose by --reason and place")
        try:
            _INNER[letter.stage].decode(letter.value)
        except msgspec.DecodeError as error:
            remedy = "let only the worker write to its inner topics; the report behind it is still on reports.raw"
            return Refusal(letter, "invalid_json", f"no message that {letter.stage} can read: {error}", remedy)
        note = "same key and partition; accepted only if the bug behind it is mended"
        return Returned(letter, topic, letter.origin_partition, letter.key, letter.value, note)

    def _partition(self, topic: str, key: bytes) -> int:
        if topic not in self._counts:
            self._counts[topic] = self._watermarks.partitions(topic)
        return partition_of(key.decode(), self._counts[topic])

    def close(self) -> None:
        """Close the connection."""
        self._watermarks.close()


def _is_changed(notes: list[str]) -> bool:
    return any(note.endswith((" set", " removed", " detected")) for note in notes)


class _Watermarks:
    """Event time per language as deduplication has committed it, and as the letters to be sent will move it."""

    def __init__(self, settings: Settings, codebook_version: str) -> None:
        self._consumer = open_consumer(settings.bootstrap)
        self._changelog = settings.changelog("sketches", codebook_version)
        self._known: dict[str, dedup.DedupState] = {}

    def partitions(self, topic: str) -> int:
        return len(self._consumer.partitions_for_topic(topic) or ()) or 1

    def check(self, report: Report) -> None:
        """Raise ReportRejectedError `too_late` if the worker would; else count the report as accepted."""
        state = self._known.get(report.language)
        if state is None:
            state = self._known[report.language] = self._read(report.language)
        decision = dedup.decide(state, report, seq=0)
        if decision.rejected is not None:
            raise decision.rejected
        for write in decision.writes:
            if write.key == _watermark_key(report.language):
                state.apply(write)

    def close(self) -> None:
        self._consumer.close()

    def _read(self, language: str) -> dedup.DedupState:
        """Return a state that holds nothing but the newest watermark of `language` in the changelog's end."""
        state, key = dedup.DedupState(), _watermark_key(language)
        count = self.partitions(self._changelog)
        tp = TopicPartition(self._changelog, partition_of(language, count))
        if tp.partition not in (self._consumer.partitions_for_topic(self._changelog) or ()):
            return state
        end = self._consumer.end_offsets([tp])[tp]
        self._consumer.assign([tp])
        self._consumer.seek(tp, max(self._consumer.beginning_offsets([tp])[tp], end - _WATERMARK_RECORDS))
        while self._consumer.position(tp) < end:
            for records in self._consumer.poll(_POLL_MS).values():
                for record in records:
                    if record.key == key.encode() and record.value is not None:
                        state.apply(Write(key, dedup.decode_value(key, record.value)))
        return state


def _watermark_key(language: str) -> str:
    return f"{language}/@watermark"


class ReturnSender(Sender):
    """A feeder's sender that marks what it sends as redriven."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._rejected = settings.topic("reports.rejected")

    def give_back(self, item: Returned, failed: Callable[[BaseException], Any]) -> None:
        """Queue one letter; `failed` is called if the broker refuses it."""
        letter = item.letter
        mark = f"{self._rejected}[{letter.partition}]@{letter.offset}".encode()
        future = self._producer.send(
            item.topic,
            key=item.key,
            value=item.value,
            partition=item.partition,
            headers=[(REDRIVEN_HEADER, mark)],
        )
        future.add_errback(failed)

    def flush(self) -> None:
        """Wait until the broker has acknowledged what was sent so far."""
        self._producer.flush()
