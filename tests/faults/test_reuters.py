"""A whole year of wire copy through real Kafka: 21,578 dispatches of 1987, for every mix of partitions and workers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pipeline import Pipeline, repeated, standing

from streams.cli.replay import fold_topic
from streams.codebook import data_version, load_codebook
from streams.core.classify import coder_of
from streams.core.errors import ReportRejectedError
from streams.feeds.sending import wire_form

if TYPE_CHECKING:
    from kafka_source import Broker

    from streams.core.models import CodedEvent

FEED = Path(__file__).resolve().parents[3] / "shared" / "data" / "dedup" / "reuters21578_feed.jsonl"

pytestmark = [
    pytest.mark.broker,
    pytest.mark.faults,
    pytest.mark.skipif(not FEED.exists(), reason=f"needs the Reuters-21578 feed at {FEED}; it is not ours to ship"),
]


@pytest.fixture(scope="module")
def dispatches() -> list[bytes]:
    """Return the feed as raw reports with detected languages; undated ones stay, to be rejected."""
    raws = []
    with FEED.open("rb") as lines:
        for line in lines:
            fields = json.loads(line)
            raw = json.dumps(
                {name: fields[name] for name in ("source", "id", "published_at", "title", "text")}
            ).encode()
            try:
                raws.append(wire_form(raw)[1])
            except ReportRejectedError:
                raws.append(raw)
    return raws


@pytest.mark.parametrize(("partitions", "workers"), [(1, 1), (4, 1), (4, 2), (1, 2)])
def test_reuters_feed_ends_in_the_digest_of_fold(
    broker: Broker, tmp_path: Path, dispatches: list[bytes], partitions: int, workers: int
) -> None:
    with Pipeline(broker.bootstrap, tmp_path, partitions=partitions, session_timeout_seconds=10.0) as pipeline:
        for _ in range(workers):
            pipeline.start_worker()
        pipeline.feed(dispatches)
        pipeline.wait_until_done()

        events: list[CodedEvent] = []
        folded = fold_topic(pipeline.settings, coder_of(load_codebook()), data_version(), events.append)
        assert folded.newest is not None
        # The ledger reaches back far enough for exact digests of the last five weeks.
        moments = [folded.newest - timedelta(days=days) for days in (0, 10, 20, 30)]
        wanted = [folded.digest(moment) for moment in moments]
        live = [pipeline.digest(moment) for moment in moments]
        print(f"\n{partitions} partitions, {workers} workers: {live} {dict(folded.counts)}")  # noqa: T201
        assert live == wanted
        received = pipeline.coded_events()
        assert repeated(received) == []
        assert standing(received).keys() == standing(events).keys()
        codes = [dict(record.headers)["code"] for record in pipeline.read("reports.rejected")]
        # Six undated dispatches, and one without a word.
        assert codes.count(b"missing_field") == folded.counts["rejected_missing_field"] == 7
