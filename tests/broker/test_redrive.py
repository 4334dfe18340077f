"""What was rejected and mended counts as if it had been right from the start; the rest stays rejected."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from histories import encode, make_history, make_report
from kafka import KafkaProducer
from pipeline import Pipeline

from streams.cli import cli
from streams.cli.replay import fold_topic
from streams.codebook import load_codebook
from streams.core.classify import coder_of
from streams.core.fold import Fold
from streams.core.reports import admit_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_source import Broker

    from streams.core.ledger import Digest
    from streams.core.models import Report

pytestmark = pytest.mark.broker


@pytest.fixture
def pipeline(broker: Broker, tmp_path: Path) -> Iterator[Pipeline]:
    with Pipeline(broker.bootstrap, tmp_path, session_timeout_seconds=6.0) as running:
        yield running


def run(pipeline: Pipeline, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Return exit code, the lines of JSON on standard output, and standard error."""
    environment = {name: value for name, value in pipeline.environment.items() if name.startswith("TENSIONWIRE_")}
    result = CliRunner().invoke(cli, list(arguments), env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def fold_of(raws: list[bytes], as_of: datetime, ingested_at: datetime) -> Digest:
    """Return the digest of `raws` folded in a process of its own, as if all had been right from the start."""
    codebook = load_codebook()
    reports = [admit_report(raw, ingested_at=ingested_at) for raw in raws]

    def read(seq: int) -> Report:
        return reports[seq]

    pipeline = Fold(coder_of(codebook), codebook.version, read)
    for seq, report in enumerate(reports):
        assert pipeline.push(report, seq=seq) is None
    return pipeline.digest(as_of)


def counts_of(pipeline: Pipeline) -> dict[tuple[str, str], tuple[int, int | None]]:
    code, groups, _ = run(pipeline, "dlq", "list", "--format", "ndjson")
    assert code == 0
    return {(group["code"], group["stage"]): (group["count"], group["redriven"]) for group in groups}


def test_redriven_reports_end_in_the_tables_they_would_have_given_at_once(pipeline: Pipeline) -> None:
    history = make_history(300, seed=21).raws
    good, stray, sourceless = history[:200], history[200:260], [json.loads(raw) for raw in history[260:300]]
    pipeline.start_worker()
    pipeline.feed(good)
    pipeline.wait_until_done()
    # Fixable: every one in a partition that is not its language's, or without its source.
    for partition in range(4):
        pipeline.feed(stray[partition::4], partition=partition)
    source = "outlet-redriven"
    pipeline.feed([encode({**fields, "source": None}) for fields in sourceless])
    # Not fixable by sending again.
    pipeline.feed([b'{"text": "cut', encode(make_report(id="old", published_at="2018-01-01T00:00:00Z"))])
    pipeline.wait_until_done()
    before = counts_of(pipeline)
    misrouted = before["misrouted", "deduplicate"][0]
    assert misrouted > 20
    assert before["missing_field", "deduplicate"] == (40, 0)
    assert before["too_late", "deduplicate"] == (1, 0)

    code, lines, _ = run(pipeline, "dlq", "redrive", "--reason", "misrouted", "--reason", "too_late", "--dry-run",
                         "--format", "ndjson")  # fmt: skip
    assert code == 3
    verdicts = [line["verdict"] for line in lines]
    assert (verdicts.count("accept"), verdicts.count("reject")) == (misrouted, 1)
    assert counts_of(pipeline) == before

    code, _, told = run(pipeline, "dlq", "redrive", "--reason", "misrouted", "--format", "ndjson")
    assert (code, f"sent={misrouted}" in told) == (0, True)
    code, _, told = run(pipeline, "dlq", "redrive", "--reason", "missing_field", "--set", f"source={source}",
                        "--format", "ndjson")  # fmt: skip
    assert (code, "sent=40" in told) == (0, True)
    pipeline.wait_until_done()

    after = counts_of(pipeline)
    assert after["misrouted", "deduplicate"] == (misrouted, misrouted)
    assert after["missing_field", "deduplicate"] == (40, 40)
    assert after["too_late", "deduplicate"] == (1, 0)
    assert sum(count for count, _ in after.values()) == sum(count for count, _ in before.values())

    codebook = load_codebook()
    log = fold_topic(pipeline.settings, coder_of(codebook), codebook.version)
    assert log.newest is not None
    live = pipeline.digest(log.newest)
    assert live == log.digest(log.newest)
    mended = [encode({**fields, "source": source}) for fields in sourceless]
    ingested_at = max(record.timestamp for record in pipeline.read("reports.raw"))
    assert live == fold_of([*good, *stray, *mended], log.newest, _moment(ingested_at))
    assert live.entries > 50
    assert live != fold_of(good, log.newest, _moment(ingested_at)), "the redriven reports add nothing; no proof"

    # Twice is once: what was sent back is left out, and changes nothing if it is forced.
    code, lines, told = run(pipeline, "dlq", "redrive", "--reason", "misrouted", "--format", "ndjson")
    assert (code, {line["verdict"] for line in lines}, "sent=0" in told) == (0, {"redriven"}, True)
    assert run(pipeline, "dlq", "redrive", "--reason", "misrouted", "--again", "--format", "ndjson")[0] == 0
    pipeline.wait_until_done()
    assert pipeline.digest(log.newest) == live


def test_a_message_of_an_inner_topic_goes_back_to_its_place_only_if_its_stage_can_read_it(pipeline: Pipeline) -> None:
    pipeline.start_worker()
    pipeline.feed([encode(make_report())])
    pipeline.wait_until_done()
    unique = next(record for record in pipeline.read("reports.unique") if record.key is not None)
    # As a worker with a bug would have left it.
    headers = {
        "code": "internal_error", "detail": "KeyError: 'x'", "field": "", "stage": "classify", "topic": unique.topic,
        "partition": str(unique.partition), "offset": str(unique.offset), "ingested_at_ms": str(unique.timestamp),
    }  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.bootstrap)
    encoded = [(name, value.encode()) for name, value in headers.items()]
    producer.send(pipeline.topic("reports.rejected"), unique.value, key=unique.key, headers=encoded).get(10)
    producer.send(pipeline.topic("reports.unique"), b"not json", partition=unique.partition).get(10)
    producer.close()
    pipeline.wait_until_done()
    events = [event.event_id for event in pipeline.coded_events()]

    code, lines, _ = run(pipeline, "dlq", "redrive", "--reason", "internal_error", "--reason", "invalid_json",
                         "--format", "ndjson")  # fmt: skip
    assert code == 3
    assert {line["was"]: line["verdict"] for line in lines} == {"internal_error": "accept", "invalid_json": "reject"}
    pipeline.wait_until_done()
    back = [record for record in pipeline.read("reports.unique") if record.headers]
    assert [(record.partition, record.key, record.value) for record in back] == [
        (unique.partition, unique.key, unique.value)
    ]
    assert [event.event_id for event in pipeline.coded_events()] == events


def _moment(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
