"""A pipeline of real processes for tests: topics of its own, workers to start, kill and pause, and what they wrote."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import msgspec
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from streams.cli.embedded import free_port
from streams.cli.replay import live_digest
from streams.client.reading import open_consumer, partitions_of, read_partition, read_topic
from streams.codebook import data_version
from streams.core.models import CodedEvent
from streams.core.reports import language_of
from streams.settings import Settings, load_settings
from streams.worker.topics import create, topics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from streams.core.ledger import Digest

# Seconds a pipeline may take for what a test asks of it before the test gives up; far above what it needs.
PATIENCE = 300.0
# What the stages write for one another and for subscribers.
OUTPUTS = ("reports.unique", "events.coded", "events.by_actor", "tension.actors", "tension.dyads")


class Worker:
    """A worker process."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.log = pipeline.folder / f"worker-{name}-{self.port}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker", "--web-port", str(self.port)],
                env=pipeline.environment,
                stdout=output,
                stderr=output,
            )

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def page(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of the worker's port; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def generation(self) -> int:
        """Return the newest generation of the group that this worker has joined."""
        return max((event["generation"] for event in self.events("partitions_assigned")), default=-1)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log events called `name`."""
        lines = (line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{"))
        return [event for line in lines if (event := json.loads(line)).get("event") == name]


class Pipeline:
    """Topics under a prefix of their own on a running broker, and the workers that serve them."""

    def __init__(self, bootstrap: str, folder: Path, **settings: Any) -> None:
        self.folder = folder
        prefix = f"t{uuid.uuid4().hex[:8]}"
        self.settings: Settings = load_settings(bootstrap=bootstrap, prefix=prefix, **settings)
        self.version = data_version()
        self.workers: list[Worker] = []
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        create(self.admin, topics_of(self.settings, self.version))

    @property
    def environment(self) -> dict[str, str]:
        chosen = self.settings.model_dump(exclude_none=True, exclude={"web_port"})
        return {**os.environ, **{f"TENSIONWIRE_{name.upper()}": str(value) for name, value in chosen.items()}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for worker in self.workers:
            worker.signal(signal.SIGCONT) if worker.process.poll() is None else None
            worker.process.kill()
            worker.process.wait()
        with suppress(Exception):
            self.admin.delete_topics([topic.name for topic in topics_of(self.settings, self.version)])
        self.admin.close()

    def start_worker(self, *, ready: bool = True) -> Worker:
        worker = Worker(self, f"w{len(self.workers)}")
        self.workers.append(worker)
        if ready:
            self.wait(lambda: worker.page("/readyz")[0] == 200, f"{worker.name} ready", worker)
        return worker

    def feed(self, raws: Iterable[bytes], *, partition: int | None = None) -> None:
        """Send raw records as a feeder does: in order, keyed by language."""
        producer = KafkaProducer(
            bootstrap_servers=self.settings.bootstrap, acks="all", max_request_size=8 * 1024 * 1024, linger_ms=5
        )
        futures = [
            producer.send(self.settings.topic("reports.raw"), value=raw, key=_key_of(raw), partition=partition)
            for raw in raws
        ]
        producer.flush()
        for future in futures:
            future.get(30)
        producer.close()

    def wait(self, condition: Callable[[], bool], what: str, worker: Worker | None = None) -> None:
        """Wait until `condition` holds; fail with the end of the worker's log."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if worker is not None and worker.process.poll() is not None:
                raise AssertionError(f"{what}: worker exited {worker.process.returncode}\n{_tail(worker)}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE:.0f} s for: {what}\n{_tail(worker or self.workers[-1])}")
            time.sleep(0.1)

    def wait_until_done(self) -> None:
        """Wait until every stage has committed all its input, first to last."""
        for name in ("reports.raw", "reports.unique", "events.by_actor"):
            self.wait(partial(self._is_done, name), f"all of {name} processed")

    def _is_done(self, name: str) -> bool:
        return self.behind(name) == 0

    def wait_for_progress(self, name: str) -> None:
        """Wait until the group has committed more of an input topic than now."""
        before = sum(self.committed(name).values())
        self.wait(lambda: sum(self.committed(name).values()) > before, f"progress on {name}")

    def topic(self, name: str) -> str:
        internal = name == "events.by_actor"
        return self.settings.internal_topic(name, self.version) if internal else self.settings.topic(name)

    def committed(self, name: str) -> dict[int, int]:
        """Return partition -> next offset of the group on an input topic."""
        offsets = self.admin.list_group_offsets([self.settings.application_id(self.version)])
        found: dict[int, int] = {}
        for per_group in offsets.values():
            for tp, meta in per_group.items():
                if tp.topic == self.topic(name) and meta.offset >= 0:
                    found[tp.partition] = meta.offset
        return found

    def behind(self, name: str) -> int:
        """Return how many committed records of an input topic the group has not committed yet."""
        topic, count = self.topic(name), 0
        committed = self.committed(name)
        consumer = open_consumer(self.settings.bootstrap)
        for number in partitions_of(self.settings.bootstrap, topic):
            tp = TopicPartition(topic, number)
            consumer.assign([tp])
            consumer.seek(tp, committed.get(number, consumer.beginning_offsets([tp])[tp]))
            end = consumer.end_offsets([tp])[tp]
            while consumer.position(tp) < end:
                # Control records move the position without being returned.
                count += sum(len(records) for records in consumer.poll(200).values())
        consumer.close()
        return count

    def digest(self, as_of: datetime) -> Digest:
        return live_digest(self.settings, self.version, as_of)

    def read(self, name: str) -> Iterator[Any]:
        return read_topic(self.settings.bootstrap, self.topic(name))

    def read_uncommitted(self, name: str) -> Iterator[Any]:
        """Yield every record of a topic, those of aborted transactions too."""
        for number in partitions_of(self.settings.bootstrap, self.topic(name)):
            yield from read_partition(self.settings.bootstrap, self.topic(name), number, "read_uncommitted")

    def freeze_in_a_batch(self, worker: Worker) -> None:
        """Stop `worker` (SIGSTOP) while a transaction of its own is open, if one can be caught within twenty tries."""
        for _ in range(20):
            worker.signal(signal.SIGSTOP)
            if self._has_stuck_transaction():
                return
            worker.signal(signal.SIGCONT)
            time.sleep(0.05)
        worker.signal(signal.SIGSTOP)

    def _has_stuck_transaction(self) -> bool:
        # Those of workers that run are over in far less; one that stays open belongs to the stopped one.
        before = self._ends("read_committed")
        time.sleep(0.4)
        after, ends = self._ends("read_committed"), self._ends("read_uncommitted")
        return any(before[tp] == after[tp] < ends[tp] for tp in ends)

    def _ends(self, isolation_level: str) -> dict[TopicPartition, int]:
        consumer = open_consumer(self.settings.bootstrap, isolation_level)
        topics = [self.topic(name) for name in OUTPUTS]
        tps = [TopicPartition(topic, number) for topic in topics for number in range(self.settings.partitions)]
        try:
            return dict(consumer.end_offsets(tps))
        finally:
            consumer.close()

    def aborted_records(self) -> int:
        """Return how many records of aborted transactions lie on the output topics."""
        return sum(sum(1 for _ in self.read_uncommitted(name)) - sum(1 for _ in self.read(name)) for name in OUTPUTS)

    def used_partitions(self, name: str) -> set[int]:
        numbers = partitions_of(self.settings.bootstrap, self.topic(name))
        return {n for n in numbers if any(True for _ in read_partition(self.settings.bootstrap, self.topic(name), n))}

    def coded_events(self) -> list[CodedEvent]:
        return [msgspec.json.decode(record.value, type=CodedEvent) for record in self.read("events.coded")]


def standing(events: Iterable[CodedEvent]) -> dict[str, CodedEvent]:
    """Return what a subscriber holds who follows the rule: the newest (rev, seq) of an event counts."""
    newest: dict[str, CodedEvent] = {}
    for event in events:
        known = newest.get(event.event_id)
        if known is None or (event.rev, event.seq) > (known.rev, known.seq):
            newest[event.event_id] = event
    return {key: event for key, event in newest.items() if not event.retracted}


def repeated(events: Iterable[CodedEvent]) -> list[tuple[str, str, int, bool]]:
    """Return the messages that a subscriber got more than once."""
    counts = Counter((event.event_id, event.rev, event.seq, event.retracted) for event in events)
    return [message for message, count in counts.items() if count > 1]


def _key_of(raw: bytes) -> bytes:
    try:
        language = json.loads(raw).get("language")
    except (ValueError, AttributeError, RecursionError):
        language = None
    return language_of(language if isinstance(language, str) else None).encode("utf-8", "replace")


def _tail(worker: Worker) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", worker.log.read_text(errors="replace")[-3000:])
