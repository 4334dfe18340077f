"""A subscriber in another language, written from schemas/ alone, holds the same table as the core."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from histories import encode, make_history, make_report
from pipeline import Pipeline
from published import Published, make_row

from streams.cli.replay import fold_topic
from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import coder_of
from streams.core.tension import ActorRow

if TYPE_CHECKING:
    from kafka_source import Broker

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "consumer-js"
NEEDS_NODE = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="needs node and npm (Node.js 20 or later)"
)
# Another actor's report and its withdrawal a week of event time later: the row empties, then its days expire.
ALONE = {"source": "lone", "id": "w1", "language": "en", "text": "Norway attacked Tuvalu on Monday."}


@pytest.fixture(scope="session")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the example with its packages, exactly those of the lock."""
    folder = tmp_path_factory.mktemp("consumer-js")
    for file in EXAMPLE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    return folder


def run(consumer: Path, bootstrap: str, prefix: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "index.js", "--bootstrap", bootstrap, "--prefix", prefix, "--schemas", str(ROOT / "schemas")]
    command += ["--once", *arguments]
    return subprocess.run(command, cwd=consumer, capture_output=True, text=True, check=False, timeout=120)


@NEEDS_NODE
@pytest.mark.broker
def test_table_of_the_javascript_consumer_equals_the_core(broker: Broker, tmp_path: Path, consumer: Path) -> None:
    with Pipeline(broker.bootstrap, tmp_path, session_timeout_seconds=6.0) as pipeline:
        pipeline.start_worker()
        first = make_report(**ALONE, published_at="2018-09-04T10:00:00Z")
        withdrawn = {**first, "version": 1, "updated_at": "2018-09-04T12:00:00Z", "status": "withdrawn"}
        pipeline.feed([encode(first)])
        pipeline.wait_until_done()
        pipeline.feed([*make_history(200, seed=21).raws, encode(withdrawn)])
        pipeline.wait_until_done()
        result = run(consumer, broker.bootstrap, pipeline.settings.prefix)
        assert result.returncode == 0, result.stderr
        codebook = load_codebook()
        folded = fold_topic(pipeline.settings, coder_of(codebook), codebook.version)

    read: dict[str, Any] = json.loads(result.stdout)
    rows = {actor: msgspec.convert(row, ActorRow) for actor, row in read.items()}
    ledger = folded.ledger
    assert set(rows) == set(ledger.actors())
    assert len(rows) >= 20
    assert rows["TUV"].tension == 0.0
    for actor, row in rows.items():
        wanted = tension.actor_row(ledger, actor, row.as_of, codebook.catalogue.names)
        assert msgspec.structs.replace(wanted, watermark=row.watermark) == row


@NEEDS_NODE
@pytest.mark.broker
def test_javascript_consumer_skips_aborted_rows_and_drops_who_left(
    broker: Broker, unique_prefix: str, consumer: Path
) -> None:
    with Published(broker.bootstrap, unique_prefix, "tension.actors") as published:
        assert json.loads(run(consumer, broker.bootstrap, published.prefix).stdout) == {}
        published.rows(make_row("RUS", 10.0), make_row("SYR", 20.0))
        with published.transaction():
            published.write("tension.actors", None, "SYR")
            published.write("tension.actors", make_row("RUS", 30.0), "RUS")
        for partition in range(3):
            with published.transaction(commit=False):
                published.write("tension.actors", make_row("RUS", 99.0), "RUS", partition=partition)
        result = run(consumer, broker.bootstrap, published.prefix)
        assert {actor: row["tension"] for actor, row in json.loads(result.stdout).items()} == {"RUS": 30.0}
        assert "RUS" in run(consumer, broker.bootstrap, published.prefix, "--format", "table").stdout


@NEEDS_NODE
@pytest.mark.broker
def test_javascript_consumer_stops_at_a_message_that_breaks_the_contract(
    broker: Broker, unique_prefix: str, consumer: Path
) -> None:
    with Published(broker.bootstrap, unique_prefix, "tension.actors", partitions=1) as published:
        published.rows(make_row("RUS", 10.0), make_row("SYR", 101.0))
        result = run(consumer, broker.bootstrap, published.prefix)
        assert (result.returncode, result.stdout) == (3, "")
        assert f"{published.topic('tension.actors')}[0]@1: /tension must be <= 100" in result.stderr


def test_lock_names_no_registry() -> None:
    packages = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all(package["integrity"].startswith("sha512-") for name, package in packages.items() if name)
