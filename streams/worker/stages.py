"""The three stages as the shell runs them: bytes to messages, core decision, messages to send at the batch's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from aiokafka.partitioner import murmur2

from streams.core import classify, dedup, ledger, tension
from streams.core.decision import Decision, Output
from streams.core.errors import ReportRejectedError
from streams.core.models import Contribution, ReportState, Tick, event_key
from streams.core.reports import admit_report
from streams.worker import metrics
from streams.worker.exactly_once import Record, Rejection, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streams.core.classify import Coder
    from streams.core.tension import TensionSettings

__all__ = ["Aggregate", "Classify", "Deduplicate", "moment_of", "partition_of"]

log = structlog.get_logger()

_HOUR: Final = timedelta(hours=1)
_state_decoder: Final = msgspec.json.Decoder(ReportState | Tick)
_contribution_decoder: Final = msgspec.json.Decoder(Contribution | Tick)


def partition_of(key: str, partitions: int) -> int:
    """Return the partition every Kafka client's default (murmur2) partitioner picks for `key`."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def moment_of(timestamp_ms: int) -> datetime:
    """Return a record's ingest time."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)


class _Stage:
    """What the stages share: names."""

    name: str
    source: str
    table: str

    def __init__(self, topic: Callable[[str], str], partitions: int) -> None:
        self.topic = topic
        self.partitions = partitions
        self.rejected_topic = topic("reports.rejected")


class Deduplicate(_Stage):
    """reports.raw -> reports.unique, reports.duplicate, reports.rejected."""

    name = "deduplicate"
    source = "reports.raw"
    table = "sketches"

    def new_state(self) -> dedup.DedupState:
        """Return the empty state of a partition."""
        return dedup.DedupState()

    def decode_value(self, key: str, raw: bytes) -> Any:  # noqa: ANN401 - the table's own value types
        """Return a value of the table from its changelog bytes."""
        return dedup.decode_value(key, raw)

    def handle(self, state: dedup.DedupState, record: Record) -> dedup.DedupDecision | Rejection:
        """Judge one raw report."""
        try:
            report = admit_report(record.value or b"", ingested_at=moment_of(record.timestamp_ms))
            self._check_route(report.language, record)
            decision = dedup.decide(state, report, seq=record.offset)
            if decision.rejected is not None:
                raise decision.rejected
        except ReportRejectedError as error:
            return Rejection(record, error.code, error.detail, error.field)
        return decision

    async def finish(self, shard: Shard, decisions: Sequence[Any]) -> list[Output]:
        """Fetch from the log the texts of reports that turned unique again."""
        outputs = []
        for decision in decisions:
            for reread in decision.rereads:
                try:
                    raw, timestamp_ms = await shard.read_input(reread.raw_seq)
                except LookupError as error:
                    # Retention is longer than any state: only a shortened one gets here, and no restart would help.
                    metrics.DISCARDED.labels(self.name, "text_gone").inc()
                    log.error("text_gone", report_id=reread.report_id, error=str(error))  # noqa: TRY400 - no stack needed
                    continue
                report = admit_report(raw, ingested_at=moment_of(timestamp_ms))
                outputs.append(dedup.complete(reread, report))
        return outputs

    def _check_route(self, language: str, record: Record) -> None:
        expected = partition_of(language, self.partitions)
        if record.partition != expected:
            detail = f"language {language!r} belongs to partition {expected}, not {record.partition}"
            raise ReportRejectedError("misrouted", detail, "language")


class Classify(_Stage):
    """reports.unique -> events.coded, events.by_actor."""

    name = "classify"
    source = "reports.unique"
    table = "coded"

    def __init__(self, topic: Callable[[str], str], partitions: int, coder: Coder, codebook_version: str) -> None:
        super().__init__(topic, partitions)
        self._coder = coder
        self._codebook_version = codebook_version

    def new_state(self) -> classify.ClassifyState:
        """Return the empty state of a partition."""
        return classify.ClassifyState()

    def decode_value(self, key: str, raw: bytes) -> Any:  # noqa: ANN401 - the table's own value types
        """Return a value of the table from its changelog bytes."""
        return classify.decode_value(key, raw)

    def handle(self, state: classify.ClassifyState, record: Record) -> Decision | Rejection:
        """Code one report."""
        try:
            item = _state_decoder.decode(record.value or b"")
        except msgspec.DecodeError as error:
            return Rejection(record, "invalid_json", str(error), None)
        return classify.decide(state, item, self._coder, self._codebook_version)

    async def finish(self, shard: Shard, decisions: Sequence[Decision]) -> list[Output]:
        """Nothing is left to send."""
        del shard, decisions
        return []


class Aggregate(_Stage):
    """events.by_actor -> tension.actors, tension.dyads."""

    name = "aggregate"
    source = "events.by_actor"
    table = "ledger"

    def __init__(
        self, topic: Callable[[str], str], partitions: int, names: Mapping[str, str], settings: TensionSettings
    ) -> None:
        super().__init__(topic, partitions)
        self._names = names
        self._settings = settings
        # Per state: the newest event time it has seen (rows are samples taken then), and when all rows were refreshed.
        self._seen: dict[int, datetime] = {}
        self._refreshed: dict[int, datetime] = {}

    def new_state(self) -> ledger.LedgerState:
        """Return the empty state of a partition."""
        return ledger.LedgerState()

    def decode_value(self, key: str, raw: bytes) -> Any:  # noqa: ANN401 - the table's own value types
        """Return a value of the table from its changelog bytes."""
        return ledger.decode_value(key, raw)

    def handle(self, state: ledger.LedgerState, record: Record) -> Decision | Rejection:
        """Enter one contribution."""
        try:
            item = _contribution_decoder.decode(record.value or b"")
        except msgspec.DecodeError as error:
            return Rejection(record, "invalid_json", str(error), None)
        moment = item.watermark if isinstance(item, Tick) else item.updated_at
        seen = self._seen.get(record.partition)
        self._seen[record.partition] = moment if seen is None else max(seen, moment)
        return ledger.decide(state, item)

    async def finish(self, shard: Shard, decisions: Sequence[Decision]) -> list[Output]:
        """Return the rows that this batch changed; once an hour of event time, all rows."""
        state: ledger.LedgerState = shard.state
        number = shard.tp.partition
        as_of = max(filter(None, (self._seen.get(number), state.watermark)), default=None)
        if as_of is None:
            return []
        metrics.WATERMARK.labels(self.name).set(as_of.timestamp())
        touched = [ledger.touched(write) for decision in decisions for write in decision.writes]
        actors = {row.actor for row in touched if row.actor is not None}
        dyads = {row.dyad for row in touched if row.dyad is not None}
        # A restored partition's rows are on the topic already: the next report need not wait for all of them.
        if as_of >= self._refreshed.setdefault(number, as_of) + _HOUR:
            # A quiet actor's row decays although nothing is said of it.
            self._refreshed[number] = as_of
            actors |= set(tension.actors(state))
            dyads |= set(tension.dyads(state))
        rows = [self._actor(state, actor, as_of) for actor in sorted(actors)]
        return rows + [self._dyad(state, *dyad, as_of) for dyad in sorted(dyads)]

    def _actor(self, state: ledger.LedgerState, actor: str, as_of: datetime) -> Output:
        known = state.has_actor(actor)
        row = tension.actor_row(state, actor, as_of, self._names, self._settings) if known else None
        return Output("tension.actors", actor, row)

    def _dyad(self, state: ledger.LedgerState, source: str, target: str, as_of: datetime) -> Output:
        known = state.has_dyad(source, target)
        row = tension.dyad_row(state, source, target, as_of, self._settings) if known else None
        return Output("tension.dyads", event_key(source, target), row)
