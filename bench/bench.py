"""Speeds of this machine in one run, and their ratios; `make bench`.

Every line is measured in this process or in a worker it started, on the same 4,000 generated reports. Absolute
figures are those of the machine; ratios are what to compare between machines and versions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from kafka import KafkaProducer, TopicPartition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from histories import encode, make_history, make_report
from kafka_source import start_broker
from pipeline import Pipeline, Worker

from streams.client.reading import open_consumer, partitions_of
from streams.codebook import load_codebook
from streams.core import dedup, ledger
from streams.core.classify import coder_of
from streams.core.fold import Fold
from streams.core.reports import admit_report
from streams.core.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.models import Report

REPORTS = 4000
RESTORED_RECORDS = 300_000
LATENCY_SECONDS = 20
RATE = 100


def main() -> None:
    """Run all measurements and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--no-kafka", action="store_true", help="only what needs no broker")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for name, value in _measure(kafka=not arguments.no_kafka):
        results[name] = value
        if not arguments.json:
            print(f"{name:<58} {value:>14,.3f}" if isinstance(value, float) else f"{name:<58} {value:>14}", flush=True)
    if arguments.json:
        print(json.dumps(results))


def _measure(*, kafka: bool) -> Iterator[tuple[str, Any]]:
    raws = make_history(REPORTS, seed=7).raws
    reports = [admit_report(raw, ingested_at=datetime.now(UTC)) for raw in raws]
    yield from _coder(reports)
    yield from _dedup(reports)
    fold_speed, lines = _fold(raws)
    yield from lines
    if kafka:
        with tempfile.TemporaryDirectory() as folder, start_broker(Path(folder), require_real=False) as broker:
            yield "broker", broker.kind
            yield from _worker(broker.bootstrap, Path(folder), raws, fold_speed)
            yield from _latency(broker.bootstrap, Path(folder))
            yield from _restore(broker.bootstrap, Path(folder))


def _coder(reports: list[Report]) -> Iterator[tuple[str, Any]]:
    coder = coder_of(load_codebook())
    sentences = sum(len(list(split_sentences(report.text))) for report in reports)
    started = time.process_time()
    for report in reports:
        coder(report)
    seconds = time.process_time() - started
    yield "coder: sentences per CPU-second", sentences / seconds
    yield "coder: reports per CPU-second", len(reports) / seconds


def _dedup(reports: list[Report]) -> Iterator[tuple[str, Any]]:
    state = dedup.DedupState()
    started = time.process_time()
    for seq, report in enumerate(reports):
        for write in dedup.decide(state, report, seq=seq).writes:
            state.apply(write)
    yield "dedup: reports per CPU-second", len(reports) / (time.process_time() - started)


def _fold(raws: list[bytes]) -> tuple[float, list[tuple[str, Any]]]:
    codebook = load_codebook()
    now = datetime.now(UTC)
    pipeline = Fold(coder_of(codebook), codebook.version, lambda seq: admit_report(raws[seq], ingested_at=now))
    started, cpu = time.perf_counter(), time.process_time()
    for seq, raw in enumerate(raws):
        pipeline.push(admit_report(raw, ingested_at=now), seq=seq)
    speed = len(raws) / (time.perf_counter() - started)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return speed, [
        ("fold: reports per second", speed),
        ("fold: CPU-seconds for all reports", time.process_time() - cpu),
        ("fold: peak memory of this process, MiB", memory),
    ]


def _worker(bootstrap: str, folder: Path, raws: list[bytes], fold_speed: float) -> Iterator[tuple[str, Any]]:
    with Pipeline(bootstrap, folder) as pipeline:
        worker = pipeline.start_worker()
        idle = _cpu_seconds(worker)
        started = time.perf_counter()
        pipeline.feed(raws)
        pipeline.wait_until_done()
        speed = len(raws) / (time.perf_counter() - started)
        yield "worker: reports per second, raw record to committed row", speed
        yield "worker: CPU-seconds for all reports", _cpu_seconds(worker) - idle
        yield "worker: peak memory, MiB", _peak_mib(worker)
        yield "ratio: worker / fold", speed / fold_speed


def _latency(bootstrap: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """Feed at a fixed rate; the time of a report is from its send to the first row that shows its own actor pair."""
    with Pipeline(bootstrap, folder) as pipeline:
        pipeline.start_worker()
        pairs = list(itertools.permutations(_STATES, 2))
        sent: dict[str, float] = {}
        seen: dict[str, float] = {}
        stop = threading.Event()
        reader = threading.Thread(target=_watch_dyads, args=(pipeline, seen, stop))
        reader.start()
        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
        start = time.perf_counter()
        for number in range(min(RATE * LATENCY_SECONDS, len(pairs))):
            time.sleep(max(0.0, start + number / RATE - time.perf_counter()))
            (code_a, name_a), (code_b, name_b) = pairs[number]
            raw = make_report(
                id=f"l{number}",
                published_at=(datetime(2018, 9, 18, tzinfo=UTC) + timedelta(seconds=number)).isoformat(),
                # Words of its own, or deduplication would rightly take it for a copy.
                text=f"{name_a} attacked {name_b}. " + " ".join(f"w{number}x{place}" for place in range(30)),
            )
            sent[f"{code_a}>{code_b}"] = time.perf_counter()
            producer.send(pipeline.topic("reports.raw"), key=b"en", value=encode(raw))
        producer.flush()
        pipeline.wait(lambda: len(seen.keys() & sent.keys()) >= len(sent) * 0.999, "every report in a row")
        stop.set()
        reader.join()
        delays = sorted(seen[key] - sent[key] for key in seen.keys() & sent.keys())
        yield f"latency at {RATE}/s: p50 seconds, raw record to row", statistics.median(delays)
        yield f"latency at {RATE}/s: p99 seconds", delays[int(len(delays) * 0.99)]
        yield f"latency at {RATE}/s: reports measured", len(delays)


def _watch_dyads(pipeline: Pipeline, seen: dict[str, float], stop: threading.Event) -> None:
    topic = pipeline.topic("tension.dyads")
    consumer = open_consumer(pipeline.settings.bootstrap)
    consumer.assign([TopicPartition(topic, n) for n in partitions_of(pipeline.settings.bootstrap, topic)])
    consumer.seek_to_beginning()
    while not stop.is_set():
        for records in consumer.poll(20).values():
            now = time.perf_counter()
            for record in records:
                seen.setdefault(record.key.decode(), now)
    consumer.close()


def _restore(bootstrap: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """Write 300,000 ledger records as a worker would have, then time a worker that starts on them."""
    with Pipeline(bootstrap, folder) as pipeline:
        changelog = pipeline.settings.changelog("ledger", pipeline.version)
        producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=512 * 1024)
        for number in range(RESTORED_RECORDS):
            key, value = _ledger_record(number)
            producer.send(changelog, key=key, value=value, partition=number % pipeline.settings.partitions)
        producer.flush()
        worker = pipeline.start_worker()
        restored = [event for event in worker.events("table_restored") if event["table"] == "ledger"]
        yield "restore: ledger records", sum(event["records"] for event in restored)
        yield "restore: seconds, slowest partition", max(event["seconds"] for event in restored)
        begun = time.perf_counter()
        pipeline.feed([encode(make_report(text="Norway attacked Sweden on Monday."))])
        pipeline.wait(lambda: any(r.key == b"NOR>SWE" for r in pipeline.read("tension.dyads")), "the next report's row")
        yield "restore: seconds from ready to the next report's row", time.perf_counter() - begun
        yield "restore: peak memory of the worker, MiB", _peak_mib(worker)


def _ledger_record(number: int) -> tuple[bytes, bytes]:
    actor, other = f"A{number % 200:02d}", f"B{number % 37:02d}"
    day = datetime(2018, 9, 1, tzinfo=UTC) + timedelta(days=number % 30)
    report = f"{number:032x}"
    key = ledger.entry_key(ledger.EntryKey(actor, day.date(), actor, other, "ASSAULT", report))
    entry = ledger.LedgerEntry(
        rev=f"0000000000|{day:%Y-%m-%d}T00:00:00.000000Z|0|{number:016x}",
        seq=number,
        present=True,
        goldstein=-9.0,
        confidence=0.9,
        published_at=int(day.timestamp()) * 1_000_000,
        outlet=f"outlet-{number % 20}",
        event_ids=(report,),
    )
    return key.encode(), msgspec.msgpack.encode(entry)


def _cpu_seconds(worker: Worker) -> float:
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _peak_mib(worker: Worker) -> float:
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


_STATES = [
    ("RUS", "Russia"), ("UKR", "Ukraine"), ("ISR", "Israel"), ("IRN", "Iran"), ("SYR", "Syria"),
    ("TUR", "Turkey"), ("FRA", "France"), ("DEU", "Germany"), ("CHN", "China"), ("JPN", "Japan"),
    ("IND", "India"), ("PAK", "Pakistan"), ("EGY", "Egypt"), ("LBN", "Lebanon"), ("IRQ", "Iraq"),
    ("QAT", "Qatar"), ("YEM", "Yemen"), ("SDN", "Sudan"), ("ETH", "Ethiopia"), ("KEN", "Kenya"),
    ("NGA", "Nigeria"), ("MEX", "Mexico"), ("BRA", "Brazil"), ("CHL", "Chile"), ("PER", "Peru"),
    ("CUB", "Cuba"), ("POL", "Poland"), ("NOR", "Norway"), ("SWE", "Sweden"), ("GRC", "Greece"),
    ("ESP", "Spain"), ("ITA", "Italy"), ("AUT", "Austria"), ("HUN", "Hungary"), ("ROU", "Romania"),
    ("BGR", "Bulgaria"), ("SRB", "Serbia"), ("HRV", "Croatia"), ("ALB", "Albania"), ("FIN", "Finland"),
    ("DNK", "Denmark"), ("PRT", "Portugal"), ("MAR", "Morocco"), ("DZA", "Algeria"), ("LBY", "Libya"),
    ("TUN", "Tunisia"),
]  # fmt: skip

if __name__ == "__main__":
    main()
