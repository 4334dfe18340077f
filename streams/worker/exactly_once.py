"""Exactly once on Faust: fenced transactions that carry outputs, changelog and offsets, and tables rebuilt from them.

Faust assigns partitions, feeds the agents and runs the services; it commits nothing. Per input partition there is a
`Shard`: the state of one stage, and the only transactional producer that may write for it.

    assigned ──> Shard.open: new producer (fences the last owner) ──> committed offset ──> changelog, read_committed
    batch    ──> decide + apply per record ──> one transaction: outputs, changelog, offset
    failure  ──> the shard's state is dropped and rebuilt from the log, or the process ends: the log is the truth

What Faust delivers is checked against the log: its buffers lose records around a rebalance, and hold on to others.
A batch that does not continue where the last transaction ended is read from the topic instead, and what nobody
delivers is found by a look at the end of each partition once a second (`ShardStore._sweep`).

Nothing of a batch counts before its transaction has committed, so a crash at any point repeats the batch from the
same state. Recipe and measurements: docs/adr/0001-transactions-beside-faust.md.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import faust
import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    IllegalStateError,
    InvalidProducerEpoch,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)
from faust.stores.base import Store
from faust.transport.drivers import aiokafka as driver

from streams.core.decision import Output, Write
from streams.core.models import Tick
from streams.worker import metrics
from streams.worker.topics import RAW_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

__all__ = [
    "Connection",
    "Record",
    "Rejection",
    "Shard",
    "ShardTable",
    "Stage",
    "Transport",
    "leave_recovery_to_shards",
    "read_partition",
]

log = structlog.get_logger()
# What Faust's services say of their own life belongs to Faust's logger, whichever class we derive.
_faust_logger = logging.getLogger("faust")

# A producer must carry the largest raw record plus its headers to the rejected topic.
MAX_REQUEST_BYTES: Final = 2 * RAW_MAX_BYTES
# Kafka aborts a transaction that its owner left open for so long.
TRANSACTION_TIMEOUT_MS: Final = 60_000
# How long a shard that was fenced waits for its partition to come back before the process gives up.
LOST_SECONDS: Final = 60.0
_FETCH_BYTES: Final = 8 * 1024 * 1024
_PROGRESS_RECORDS: Final = 50_000
_RETRY_SECONDS: Final = 0.5

# Records of one transaction when they are read from the log.
_READ_RECORDS: Final = 1000
_SWEEP_SECONDS: Final = 1.0

# aiokafka notices a newer producer in its sender task; what the next call raises depends on where that was.
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch, IllegalOperation, IllegalStateError, OutOfOrderSequenceNumber)


class Record(NamedTuple):
    """An input record: `timestamp_ms` is its ingest time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


class Rejection(NamedTuple):
    """A record that goes to the rejected topic with its own bytes."""

    record: Record
    code: str
    detail: str
    field: str | None


class AnyDecision(Protocol):
    """What every stage's decision has; deduplication's has more."""

    @property
    def outputs(self) -> list[Output]: ...
    @property
    def writes(self) -> list[Write]: ...
    @property
    def discards(self) -> list[str]: ...


class Stage(Protocol):
    """One step of the flow as the shell sees it; the decisions behind it are core functions."""

    name: str
    source: str
    table: str
    rejected_topic: str

    def new_state(self) -> Any:  # noqa: ANN401 - each stage has a state type of its own
        """Return the empty state of a partition."""

    def decode_value(self, key: str, raw: bytes) -> Any:  # noqa: ANN401 - as above
        """Return a value of the table from its changelog bytes."""

    def topic(self, name: str) -> str:
        """Return the full name of a topic of the design."""

    def handle(self, state: Any, record: Record) -> AnyDecision | Rejection:  # noqa: ANN401 - as above
        """Return the core's decision on one record; `state` is only read."""

    async def finish(self, shard: Shard, decisions: Sequence[Any]) -> list[Output]:
        """Return what is left to send once all records of a batch are decided and applied."""


class Shard:
    """One input partition of one stage: state, producer, and the offset that comes next."""

    def __init__(self, stage: Stage, tp: TopicPartition, connection: Connection) -> None:
        self.stage = stage
        self.tp = tp
        self.state: Any = None
        self.ready = asyncio.Event()
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self.closed = False
        # How often the partition was taken over; whoever waits for the next time compares it.
        self.openings = 0
        self._next_offset = 0
        # End of the partition up to which nothing but transaction markers follows `_next_offset`.
        self._empty_until = 0
        self._encode = msgspec.msgpack.Encoder().encode

    async def open(self) -> None:
        """Take the partition over: fence the last owner, then read what it committed."""
        self.ready.clear()
        async with self._lock:
            await self._stop_producer()
            producer = self._connection.producer(f"{self._connection.group}-{self.stage.source}-{self.tp.partition}")
            await producer.start()
            self._producer = producer
            committed = await self._connection.committed(self.tp)
            if self.state is None or committed != self._next_offset:
                await self._restore()
            self._next_offset = committed
            self._empty_until = 0
            self.openings += 1
        self.ready.set()

    async def read_input(self, offset: int) -> tuple[bytes, int]:
        """Return value and ingest time (ms) of an input record: the log is the truth for a text not at hand."""
        return await self._connection.read_one(self.tp, offset)

    async def close(self) -> None:
        """Give the partition up; an open transaction is aborted by the next owner's fence."""
        self.closed = True
        # Whoever waits for this shard must wake up to find it closed.
        self.ready.set()
        async with self._lock:
            self.state = None
            await self._stop_producer()

    async def transact(self, records: Sequence[Record]) -> None:
        """Process those of `records` that are still to be done, and whatever the log has before them."""
        await self.ready.wait()
        async with self._lock:
            if self.closed:
                return
            by_offset = {record.offset: record for record in records if record.offset >= self._next_offset}
            fresh = [by_offset[offset] for offset in sorted(by_offset)]
            if not fresh:
                return
            if fresh[-1].offset - self._next_offset == len(fresh) - 1:
                await self._attempt(fresh)
            else:
                await self._transact_range(fresh[-1].offset + 1)

    async def catch_up(self, end: int) -> None:
        """Process what lies before `end` and was not delivered within a sweep."""
        if not self.ready.is_set() or self._lock.locked() or end <= max(self._next_offset, self._empty_until):
            return
        async with self._lock:
            if not self.closed and not await self._transact_range(end):
                self._empty_until = end

    @property
    def next_offset(self) -> int:
        """The offset after the last committed record."""
        return self._next_offset

    async def _transact_range(self, end: int) -> bool:
        """Process the committed records in [next offset, end) as the log has them; return whether there were any."""
        found = False
        async for messages, _, _ in self._connection.read(self.tp, self._next_offset, end, _READ_RECORDS):
            records = [
                Record(m.topic, m.partition, m.offset, m.timestamp, m.key, m.value) for m in messages if m.offset < end
            ]
            if records:
                found = True
                await self._attempt(records)
        return found

    async def _attempt(self, records: list[Record]) -> None:
        started = time.perf_counter()
        try:
            await self._commit(records)
        except BaseException:
            # The state has seen writes that were never committed.
            self.state = None
            self.ready.clear()
            raise
        metrics.BATCH_SECONDS.labels(self.stage.name).observe(time.perf_counter() - started)

    async def _commit(self, records: list[Record]) -> None:
        producer = self._producer
        if producer is None or self.state is None:
            raise ProducerFenced
        decisions, rejections = self._judge(records)
        writes = {write.key: write for decision in decisions for write in decision.writes}
        outputs = _coalesce_ticks(output for decision in decisions for output in decision.outputs)
        outputs += await self.stage.finish(self, decisions)
        next_offset = records[-1].offset + 1
        sends: list[Awaitable[Any]] = []
        try:
            async with producer.transaction():
                sends += [await self._send_rejection(producer, rejection) for rejection in rejections]
                for output in outputs:
                    sends += await self._send(producer, output)
                sends += [await self._send_write(producer, write) for write in writes.values()]
                await asyncio.gather(*sends)
                await producer.send_offsets_to_transaction({self.tp: next_offset}, self._connection.group)
        except BaseException:
            # One error is enough: the others of the same cause would be reported as never retrieved.
            await asyncio.gather(*sends, return_exceptions=True)
            raise
        self._next_offset = next_offset
        self._count(records, decisions, rejections, outputs)

    def _judge(self, records: list[Record]) -> tuple[list[AnyDecision], list[Rejection]]:
        decisions: list[AnyDecision] = []
        rejections: list[Rejection] = []
        for record in records:
            try:
                verdict = self.stage.handle(self.state, record)
            except Exception as error:  # The one guard: no input may stop the stream.
                log.exception("record_failed", stage=self.stage.name, partition=record.partition, offset=record.offset)
                verdict = Rejection(record, "internal_error", f"{type(error).__name__}: {error}", None)
            if isinstance(verdict, Rejection):
                rejections.append(verdict)
                continue
            for write in verdict.writes:
                self.state.apply(write)
            decisions.append(verdict)
        return decisions, rejections

    async def _send(self, producer: AIOKafkaProducer, output: Output) -> list[Awaitable[Any]]:
        topic = self.stage.topic(output.topic)
        value = None if output.value is None else msgspec.json.encode(output.value)
        if not output.broadcast:
            return [await producer.send(topic, value, key=output.key.encode() if output.key is not None else None)]
        partitions = sorted(await producer.partitions_for(topic))
        mine = self._relay(partitions)
        return [await producer.send(topic, value, partition=partition) for partition in mine]

    def _relay(self, partitions: list[int]) -> list[int]:
        # The first stage sends to all; a later one has a twin per partition, and each passes on its own share.
        if self.stage.source == "reports.raw":
            return partitions
        return [number for number in partitions if number % self._connection.partitions == self.tp.partition]

    async def _send_write(self, producer: AIOKafkaProducer, write: Write) -> Awaitable[Any]:
        value = None if write.value is None else self._encode(write.value)
        changelog = self._connection.changelog(self.stage.table)
        return await producer.send(changelog, value, key=write.key.encode(), partition=self.tp.partition)  # type: ignore[no-any-return]

    async def _send_rejection(self, producer: AIOKafkaProducer, rejection: Rejection) -> Awaitable[Any]:
        record = rejection.record
        headers = {
            "code": rejection.code,
            "detail": rejection.detail[:1000],
            "field": rejection.field or "",
            "stage": self.stage.name,
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "ingested_at_ms": str(record.timestamp_ms),
        }
        return await producer.send(  # type: ignore[no-any-return]
            self.stage.rejected_topic,
            record.value,
            key=record.key if record.key and len(record.key) < 1024 else None,  # noqa: PLR2004 - room for headers
            headers=[(name, value.encode("utf-8", "replace")) for name, value in headers.items()],
        )

    def _count(
        self,
        records: list[Record],
        decisions: list[AnyDecision],
        rejections: list[Rejection],
        outputs: list[Output],
    ) -> None:
        stage = self.stage.name
        metrics.RECORDS.labels(stage).inc(len(records))
        discards = [reason for decision in decisions for reason in decision.discards]
        for reason in [*discards, *(rejection.code for rejection in rejections)]:
            metrics.DISCARDED.labels(stage, reason).inc()
        for output in outputs:
            metrics.OUTPUTS.labels(output.topic).inc()
        log.debug(
            "batch_committed",
            stage=stage,
            partition=self.tp.partition,
            offset=records[-1].offset,
            records=len(records),
            rejected=len(rejections),
            discarded=len(discards),
            outputs=len(outputs),
        )

    async def _restore(self) -> None:
        started = time.perf_counter()
        state = self.stage.new_state()
        changelog = TopicPartition(self._connection.changelog(self.stage.table), self.tp.partition)
        count = 0
        decode = self.stage.decode_value
        async for chunk, done, total in self._connection.read(changelog):
            for message in chunk:
                key = message.key.decode()
                state.apply(Write(key, None if message.value is None else decode(key, message.value)))
            count += len(chunk)
            metrics.RESTORED.labels(self.stage.table).inc(len(chunk))
            if count % _PROGRESS_RECORDS < len(chunk):
                log.info("table_restoring", table=self.stage.table, partition=self.tp.partition, offset=done, end=total)
        self.state = state
        log.info(
            "table_restored",
            table=self.stage.table,
            partition=self.tp.partition,
            records=count,
            seconds=round(time.perf_counter() - started, 3),
        )

    async def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


def _coalesce_ticks(outputs: Iterable[Output]) -> list[Output]:
    """Return `outputs` with the last tick of each language only: event time passed the others within one batch."""
    kept: list[Output] = []
    ticks: dict[str, Output] = {}
    for output in outputs:
        if isinstance(output.value, Tick):
            ticks[output.value.language] = output
        else:
            kept.append(output)
    return [*kept, *ticks.values()]


class Connection:
    """Clients for one application: `group` is its consumer group and the root of its names."""

    def __init__(self, bootstrap: str, group: str, changelog: Callable[[str], str], partitions: int) -> None:
        self.bootstrap = bootstrap
        self.group = group
        self.changelog = changelog
        # Of every input topic; `topics diff` keeps them all the same.
        self.partitions = partitions

    def producer(self, transactional_id: str) -> AIOKafkaProducer:
        """Return a producer whose start fences every other one of the same id."""
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=MAX_REQUEST_BYTES,
            max_batch_size=256 * 1024,
            acks="all",
        )

    def consumer(self) -> AIOKafkaConsumer:
        """Return a consumer outside any group that sees committed records only."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_bytes=4 * _FETCH_BYTES,
            fetch_max_wait_ms=100,
            max_poll_records=None,
        )

    async def committed(self, tp: TopicPartition) -> int:
        """Return the group's next offset of `tp`: the committed one, else the earliest that exists."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([tp])
            offset = await consumer.committed(tp)
            if offset is not None:
                return int(offset)
            return int((await consumer.beginning_offsets([tp]))[tp])
        finally:
            await consumer.stop()

    async def ends(self, tps: Sequence[Any]) -> dict[Any, int]:
        """Return the end offset of each partition."""
        consumer = self.consumer()
        await consumer.start()
        try:
            consumer.assign(list(tps))
            return dict(await consumer.end_offsets(list(tps)))
        finally:
            await consumer.stop()

    async def read(
        self, tp: TopicPartition, start: int | None = None, end: int | None = None, records: int | None = None
    ) -> Any:  # noqa: ANN401 - async generator
        """Yield (messages, position, end) from `start` to `end`, by default the whole partition as it is now."""
        consumer = self.consumer()
        await consumer.start()
        try:
            async for item in read_partition(consumer, tp, start, end, records):
                yield item
        finally:
            await consumer.stop()

    async def read_one(self, tp: TopicPartition, offset: int) -> tuple[bytes, int]:
        """Return value and timestamp (ms) of the record at `offset`.

        Raises: LookupError if retention has removed it.
        """
        async for chunk, _, _ in self.read(tp, offset):
            if chunk and chunk[0].offset == offset:
                return bytes(chunk[0].value), int(chunk[0].timestamp)
            if chunk:
                break
        raise LookupError(f"{tp.topic}[{tp.partition}]@{offset} is gone; raise the topic's retention")


async def read_partition(
    consumer: AIOKafkaConsumer,
    tp: TopicPartition,
    start: int | None = None,
    end: int | None = None,
    records: int | None = None,
) -> Any:  # noqa: ANN401 - async generator
    """Yield (messages, position, end) of `tp` from `start` (the beginning) to `end` (its present stable end).

    `records`: most messages at once. A message at or after `end` may come with the last ones.
    """
    consumer.assign([tp])
    first = (await consumer.beginning_offsets([tp]))[tp]
    stable = (await consumer.end_offsets([tp]))[tp]
    end = stable if end is None else min(end, stable)
    position = first if start is None else max(start, first)
    consumer.seek(tp, position)
    while position < end:
        batches = await consumer.getmany(tp, timeout_ms=200, max_records=records)
        chunk = batches.get(tp, [])
        position = await consumer.position(tp)
        yield chunk, position, end
    yield [], end, end


class ShardTable(faust.Table):  # type: ignore[misc]
    """A Faust table whose store is ours: Faust plans its changelog's partitions, we read and write them."""

    logger = _faust_logger

    def __init__(self, *args: Any, stage: Stage, connection: Connection, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.stage = stage
        self.connection = connection

    def _new_store(self) -> ShardStore:
        return ShardStore("shards://", self.app, self, table_name=self.name, loop=self.loop)

    async def transact(self, events: Sequence[faust.Event]) -> None:
        """Process a batch of Faust events; returns when each is committed or known to be somebody else's."""
        await self.data.transact(events)

    @property
    def assigned(self) -> bool:
        """Whether the group has told this worker what it owns, be it nothing."""
        # Faust passes an empty assignment on to nobody; that the worker has joined shows in the generation.
        joined_for_nothing = self.app.consumer_generation_id > 0 and not self.app.consumer.assignment()
        return bool(self.data.generation >= 0 or joined_for_nothing)

    def status(self) -> dict[int, bool]:
        """Return partition -> restored, for the partitions this worker owns."""
        return {number: shard.ready.is_set() for number, shard in self.data.shards.items()}


class ShardStore(Store):  # type: ignore[misc]
    """The shards of one stage on this worker, opened and closed as Faust assigns partitions."""

    logger = _faust_logger

    def __post_init__(self) -> None:
        self.shards: dict[int, Shard] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._ends: dict[Any, int] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self.generation = -1

    async def on_rebalance(
        self, assigned: set[Any], revoked: set[Any], newly_assigned: set[Any], generation_id: int = 0
    ) -> None:
        """Close what went and (re)open what is here, in the background: heartbeats stop while Faust waits for this."""
        del revoked, newly_assigned  # A worker that was paused can miss generations: only `assigned` is sure.
        stage, connection = self.table.stage, self.table.connection
        source = stage.topic(stage.source)
        mine = {tp.partition for tp in assigned if tp.topic == source}
        for number in [number for number in self.shards if number not in mine]:
            await self._cancel(number)
            await self.shards.pop(number).close()
        changelogs = [tp for tp in assigned if tp.topic == connection.changelog(stage.table)]
        self._ends = await connection.ends(changelogs)
        for number in sorted(mine):
            await self._cancel(number)
            if number not in self.shards:
                self.shards[number] = Shard(stage, TopicPartition(source, number), connection)
            shard = self.shards[number]
            shard.ready.clear()
            self._opening[number] = asyncio.create_task(self._open(shard))
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        self.generation = generation_id
        metrics.READY.labels(stage.name).set(0)
        log.info("partitions_assigned", stage=stage.name, partitions=sorted(mine), generation=generation_id)

    async def transact(self, events: Sequence[faust.Event]) -> None:
        """Hand each partition its records, all partitions at once."""
        batches: dict[int, list[Record]] = {}
        for event in events:
            m = event.message
            record = Record(m.topic, m.partition, m.offset, round(m.timestamp * 1000), m.key, m.value)
            batches.setdefault(m.partition, []).append(record)
        work = [self._persist(number, partial(Shard.transact, records=records)) for number, records in batches.items()]
        await asyncio.gather(*work)

    async def _persist(self, number: int, work: Callable[[Shard], Awaitable[None]]) -> None:
        """Repeat `work` on a shard until it is committed or the partition is no longer ours."""
        while (shard := self.shards.get(number)) is not None:
            openings = shard.openings
            try:
                await work(shard)
            except _FENCED as error:
                log.warning("shard_fenced", stage=self.table.stage.name, partition=number, error=type(error).__name__)
                await self._await_opening(shard, openings)
            except KafkaError as error:
                log.warning("batch_failed", stage=self.table.stage.name, partition=number, error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
                await self._open(shard)
            except Exception as error:
                log.exception("batch_crashed", stage=self.table.stage.name, partition=number)
                await self.app.crash(error)
                raise
            else:
                return

    async def _await_opening(self, shard: Shard, openings: int) -> None:
        # Fenced: the group has moved on without us. Our next heartbeat says so, and a rebalance follows.
        deadline = time.monotonic() + LOST_SECONDS
        while shard.openings == openings and not shard.closed:
            if time.monotonic() > deadline:
                error = ConnectionError("fenced, and no rebalance followed; another worker uses this partition's id")
                await self.app.crash(error)
                raise error
            await asyncio.sleep(_RETRY_SECONDS)

    async def _open(self, shard: Shard) -> None:
        while not shard.closed:
            try:
                await shard.open()
            except (KafkaError, *_FENCED) as error:
                log.warning("shard_not_opened", stage=shard.stage.name, partition=shard.tp.partition, error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:
                log.exception("shard_crashed", stage=shard.stage.name, partition=shard.tp.partition)
                await self.app.crash(error)
                raise
            else:
                self._count_ready()
                return

    async def _sweep(self) -> None:
        """Once a second, process what lies in the log and was not delivered, and tell how far behind we are."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            before = {number: shard.next_offset for number, shard in self.shards.items()}
            try:
                ends = await self.table.connection.ends([shard.tp for shard in self.shards.values()])
            except KafkaError as error:
                log.warning("sweep_failed", stage=self.table.stage.name, error=repr(error))
                continue
            await asyncio.sleep(_SWEEP_SECONDS)
            for number, shard in list(self.shards.items()):
                end = ends.get(shard.tp, 0)
                metrics.LAG.labels(shard.stage.name, str(number)).set(max(0, end - shard.next_offset))
                if shard.next_offset == before.get(number):
                    await self._persist(number, partial(Shard.catch_up, end=end))

    def _count_ready(self) -> None:
        ready = sum(shard.ready.is_set() and not shard.closed for shard in self.shards.values())
        metrics.READY.labels(self.table.stage.name).set(ready)

    async def _cancel(self, number: int) -> None:
        task = self._opening.pop(number, None)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def on_stop(self) -> None:
        """Close every shard; what is not committed is repeated by the next owner."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for number in list(self.shards):
            await self._cancel(number)
            await self.shards.pop(number).close()

    # What Faust's own recovery asks of a store; `leave_recovery_to_shards` keeps it from reading on its own.

    def persisted_offset(self, tp: Any) -> int | None:  # noqa: ANN401 - Faust's TP
        """Return the last offset of a changelog partition: it is read by the shard, not by Faust."""
        return self._ends.get(tp, 0) - 1

    def set_persisted_offset(self, tp: Any, offset: int) -> None:  # noqa: ANN401 - Faust's TP
        """Offsets of the changelog are in the log itself."""

    def apply_changelog_batch(self, batch: Any, to_key: Any, to_value: Any) -> None:  # noqa: ANN401
        """Nothing: a record that Faust still reads was read by the shard as well."""

    def reset_state(self) -> None:
        """Nothing: state is dropped with its shard."""

    async def backup_partition(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Nothing: the changelog is the backup."""

    def restore_backup(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Nothing: the changelog is the backup."""


def leave_recovery_to_shards(app: faust.App) -> None:
    """Tell Faust's recovery that there is nothing to recover.

    It compares end offsets with what it has read; transaction markers count as records there and never arrive.
    """
    app.tables.recovery.need_recovery = lambda: False


class _CommittedReader(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    logger = _faust_logger

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:  # noqa: ANN401
        consumer = super()._create_worker_consumer(transport)
        # Faust ties the isolation level to its own transactions, which are not exact; it is read at start.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        return consumer


class _Consumer(driver.Consumer):  # type: ignore[misc]
    logger = _faust_logger

    def _new_consumer_thread(self) -> _CommittedReader:
        return _CommittedReader(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport, reading committed records only."""

    Consumer = _Consumer
