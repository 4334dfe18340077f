"""The main test of the project: the worker on a real broker and `fold` agree, whatever happens in between."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest
from histories import encode, make_history, make_report
from pipeline import Pipeline, repeated, standing

from streams.cli.replay import fold_topic
from streams.client.reading import read_table
from streams.codebook import data_version, load_codebook
from streams.core.classify import coder_of
from streams.core.tension import ActorRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_source import Broker

    from streams.core.fold import Fold
    from streams.core.models import CodedEvent, Coding, Report

pytestmark = pytest.mark.broker


@pytest.fixture
def pipeline(broker: Broker, tmp_path: Path) -> Iterator[Pipeline]:
    with Pipeline(broker.bootstrap, tmp_path, session_timeout_seconds=6.0) as running:
        yield running


def fold_of(pipeline: Pipeline) -> tuple[Fold, dict[str, CodedEvent]]:
    """Return the fold of the pipeline's log, and the events that stand in it."""
    codebook = load_codebook()
    folded = fold_topic(pipeline.settings, coder_of(codebook), codebook.version)
    events: list[CodedEvent] = []
    again = fold_topic(pipeline.settings, coder_of(codebook), codebook.version, events.append)
    assert folded.newest == again.newest
    return folded, standing(events)


def group_of(event: CodedEvent | Coding, report_id: str = "") -> tuple[object, ...]:
    """Return what a ledger register is about: report and event group."""
    actors = event.source_actor.id, event.target_actor.id
    return (getattr(event, "report_id", report_id), *actors, event.plover, event.occurred_on)


def assert_live_equals_fold(pipeline: Pipeline) -> None:
    folded, events = fold_of(pipeline)
    assert folded.newest is not None
    wanted = folded.digest(folded.newest)
    assert pipeline.digest(folded.newest) == wanted
    assert wanted.entries >= 500
    received = pipeline.coded_events()
    assert repeated(received) == []
    held = standing(received)
    assert held.keys() == events.keys()
    assert all(held[key].goldstein == event.goldstein for key, event in events.items())


def test_live_ledger_equals_fold_on_a_history_of_corrections_copies_and_late_arrivals(pipeline: Pipeline) -> None:
    history = make_history(2000, seed=11)
    assert set(history.kinds) == {"fresh", "copy", "correction", "redated", "withdrawal", "language", "repeated"}
    pipeline.start_worker()
    pipeline.feed(history.raws)
    pipeline.wait_until_done()

    assert_live_equals_fold(pipeline)
    for name in ("reports.raw", "reports.unique", "events.by_actor", "events.coded", "tension.actors"):
        assert pipeline.used_partitions(name) == {0, 1, 2, 3}, name
    assert len({json.loads(raw)["language"] for raw in history.raws}) >= 3


def test_one_event_dropped_turns_the_digest_red(pipeline: Pipeline) -> None:
    pipeline.start_worker()
    pipeline.feed(make_history(300, seed=12).raws)
    pipeline.wait_until_done()
    coder = coder_of(load_codebook())
    whole, events = fold_of(pipeline)
    assert whole.newest is not None
    assert pipeline.digest(whole.newest) == whole.digest(whole.newest)
    groups = Counter(group_of(event) for event in events.values())
    victim = next(event for event in events.values() if groups[group_of(event)] == 1)

    def coder_that_drops_the_victim(report: Report) -> list[Coding]:
        return [coding for coding in coder(report) if group_of(coding, report.report_id) != group_of(victim)]

    mutated = fold_topic(pipeline.settings, coder_that_drops_the_victim, data_version())
    assert pipeline.digest(whole.newest).hexdigest != mutated.digest(whole.newest).hexdigest


def test_killed_workers_and_a_zombie_change_nothing_and_a_subscriber_sees_each_event_once(
    broker: Broker, tmp_path: Path
) -> None:
    if broker.kind == "embedded":
        pytest.skip(
            "the embedded broker does not evict dead members; run with Java and Maven, Docker or KAFKA_BOOTSTRAP"
        )
    with Pipeline(broker.bootstrap, tmp_path, session_timeout_seconds=6.0, batch_records=50) as pipeline:
        raws = make_history(2000, seed=13).raws
        batches = [raws[start : start + 500] for start in range(0, len(raws), 500)]
        survivor = pipeline.start_worker()
        for batch in batches[:3]:
            victim = pipeline.start_worker()
            pipeline.feed(batch)
            pipeline.wait_for_progress("reports.raw")
            pipeline.freeze_in_a_batch(victim)
            victim.kill()
        zombie = pipeline.start_worker()
        before = zombie.generation()
        pipeline.feed(batches[3])
        pipeline.freeze_in_a_batch(zombie)
        pipeline.wait(lambda: survivor.generation() > before, "the survivor takes the zombie's partitions", survivor)
        pipeline.wait_until_done()
        zombie.signal(signal.SIGCONT)
        pipeline.feed(make_history(200, seed=14).raws)
        pipeline.wait_until_done()

        assert_live_equals_fold(pipeline)
        assert pipeline.aborted_records() > 0, "no batch was cut by a fault; the run proves nothing"


def test_hostile_records_are_counted_by_code_with_their_place_and_stop_nothing(pipeline: Pipeline) -> None:
    good = make_report(source="last", id="good", text="France attacked Spain on Monday.", language="en")
    hostile = {
        "invalid_json": [b'{"source": "a", "text": "cut', b'{"version": NaN}', b'{"text": "raw \x01 control"}', b""],
        "invalid_utf8": [b'{"text": "\xff\xfe"}'],
        "not_an_object": [b"[1, 2]", b"null", b'"text"'],
        "too_deep": [b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70],
        "too_large": [
            encode(make_report(text="x" * 2_000_000)),
            encode(make_report(text="y" * (4 * 1024 * 1024 - 500))),
        ],
        "missing_field": [
            encode(make_report(published_at=None)),
            encode(make_report(source=None)),
            encode(make_report(text=None, title=None)),
        ],
        "invalid_type": [encode(make_report(title=5)), encode(make_report(version="2"))],
        "invalid_value": [encode(make_report(source="a\x00b")), encode(make_report(status="gone"))],
        "invalid_date": [
            encode(make_report(published_at="2018-09-18T09:12:00")),
            encode(make_report(published_at="soon")),
        ],
        "date_out_of_range": [encode(make_report(published_at="0001-01-01T00:00:00Z"))],
        "in_the_future": [encode(make_report(published_at="2999-01-01T00:00:00Z"))],
        "too_late": [encode(make_report(id="old", published_at="2018-08-01T00:00:00Z"))],
    }
    pipeline.start_worker()
    pipeline.feed([encode(make_report(id="first"))])
    english = next(pipeline.read("reports.raw")).partition
    pipeline.feed([raw for raws in hostile.values() for raw in raws], partition=english)
    pipeline.feed([encode(make_report(id="elsewhere"))], partition=(english + 1) % 4)
    pipeline.feed([encode(good)])
    pipeline.wait_until_done()

    rejected = list(pipeline.read("reports.rejected"))
    headers = [{name: value.decode() for name, value in record.headers} for record in rejected]
    counts = {code: sum(1 for header in headers if header["code"] == code) for code in {h["code"] for h in headers}}
    assert counts == {**{code: len(raws) for code, raws in hostile.items()}, "misrouted": 1}
    sent = {(record.partition, record.offset): record.value for record in pipeline.read("reports.raw")}
    for record, header in zip(rejected, headers, strict=True):
        assert header["topic"] == pipeline.topic("reports.raw")
        assert sent[int(header["partition"]), int(header["offset"])] == record.value
        assert header["detail"]
    rows = read_table(pipeline.settings.bootstrap, pipeline.topic("tension.actors"))
    assert msgspec.json.decode(rows["ESP"], type=ActorRow).tension > 0


def test_restored_worker_shows_progress_and_serves_the_next_report(pipeline: Pipeline) -> None:
    first = pipeline.start_worker()
    pipeline.feed(make_history(300, seed=15).raws)
    pipeline.wait_until_done()
    assert first.stop() == 0
    second = pipeline.start_worker()
    restored = [event for event in second.events("table_restored") if event["table"] == "ledger"]
    assert {event["partition"] for event in restored} == {0, 1, 2, 3}
    assert sum(event["records"] for event in restored) > 0
    pipeline.feed([encode(make_report(id="next", text="Norway attacked Sweden on Monday."))])
    pipeline.wait_until_done()
    rows = read_table(pipeline.settings.bootstrap, pipeline.topic("tension.actors"))
    assert msgspec.json.decode(rows["NOR"], type=ActorRow).tension > 0


def test_worker_tells_its_health_readiness_and_metrics(pipeline: Pipeline) -> None:
    worker = pipeline.start_worker()
    pipeline.feed([encode(make_report())])
    pipeline.wait_until_done()
    assert worker.page("/healthz") == (200, '{"alive":true}')
    status, body = worker.page("/readyz")
    assert (status, json.loads(body)["restored"]) == (200, True)
    assert 'tensionwire_records_total{stage="deduplicate"} 1.0' in worker.page("/metrics")[1]
    # What it prints is its log and nothing else: no escape sequence of a progress spinner.
    assert all(line.startswith("{") for line in worker.log.read_text("utf-8").splitlines())
