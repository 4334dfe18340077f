"""Feeding files to a real broker: what is said of each line, interruptions and going on behind them."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from histories import encode, make_report
from kafka import KafkaAdminClient

from streams.cli import embedded
from streams.cli.feed_output import LOG_SECONDS, FeedDisplay
from streams.client.reading import read_topic
from streams.codebook import data_version
from streams.feeds.feeding import Tally
from streams.settings import load_settings
from streams.worker.topics import create, topics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka_source import Broker

ROOT = Path(__file__).resolve().parents[2]
# Seconds for what takes one or two.
PATIENCE = 60


class Target:
    """The topic `reports.raw` under a prefix of its own."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.settings = load_settings(bootstrap=bootstrap, prefix=prefix, partitions=2)
        self.name = self.settings.topic("reports.raw")
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        create(self.admin, [topic for topic in topics_of(self.settings, data_version()) if topic.name == self.name])

    def close(self) -> None:
        with suppress(Exception):
            self.admin.delete_topics([self.name])
        self.admin.close()

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TENSIONWIRE_BOOTSTRAP": self.settings.bootstrap,
            "TENSIONWIRE_PREFIX": self.settings.prefix,
        }
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            [sys.executable, "-m", "streams", "feed", "file", *arguments], env=environment, **streams
        )

    def feed(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Return exit code, summary and standard error."""
        return finish(self.start(*arguments))

    def ids(self) -> Counter[str]:
        """Return how often each report is on the topic."""
        return Counter(json.loads(r.value)["id"] for r in read_topic(self.settings.bootstrap, self.name))


def finish(process: subprocess.Popen[bytes]) -> tuple[int, dict[str, Any], str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, json.loads(out) if out else {}, (err or b"").decode()


def await_true(question: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kept_line(file: Path) -> int:
    try:
        return int(json.loads(Path(f"{file}.feed-state.json").read_bytes())["line"])
    except FileNotFoundError:
        return 0


def write_reports(path: Path, count: int) -> Path:
    path.write_bytes(b"".join(encode(make_report(id=f"r{number}")) + b"\n" for number in range(count)))
    return path


@pytest.fixture
def target(broker: Broker, unique_prefix: str) -> Iterator[Target]:
    found = Target(broker.bootstrap, re.sub(r"[^A-Za-z0-9_-]", "-", unique_prefix)[-60:].strip("-"))
    yield found
    found.close()


@pytest.fixture
def elsewhere() -> Target:
    """Return a target that is never reached: no broker is asked."""
    missing = object.__new__(Target)
    missing.settings = load_settings(bootstrap="127.0.0.1:1", prefix="nowhere")
    return missing


@pytest.mark.broker
def test_the_summary_counts_each_verdict_and_names_its_first_lines(target: Target, tmp_path: Path) -> None:
    file = write_reports(tmp_path / "r.ndjson", 3)
    bad = encode(make_report(published_at=...)) + b"\n"
    file.write_bytes(file.read_bytes() + bad + b"\n" + bad + b"{}\nnonsense\x1b[31m\n")
    code, summary, said = target.feed(str(file))
    assert code == 3
    assert {name: summary[name] for name in ("sent", "rejected", "failed", "by_code", "lines", "read")} == {
        "sent": 3,
        "rejected": 4,
        "failed": 0,
        "by_code": {"missing_field": 3, "invalid_json": 1},
        "lines": {"missing_field": [4, 6, 7], "invalid_json": [8]},
        "read": 7,
    }
    assert summary["rate"] > 0
    assert "r.ndjson:4: missing_field: no 'published_at'" in said
    assert "\x1b" not in said
    assert target.ids() == Counter(["r0", "r1", "r2"])
    assert not Path(f"{file}.feed-state.json").exists()


@pytest.mark.broker
def test_after_kill_9_the_rest_is_sent_and_what_was_acknowledged_is_not_sent_again(
    target: Target, tmp_path: Path
) -> None:
    file = write_reports(tmp_path / "r.ndjson", 600)
    process = target.start(str(file), "--rate", "150/s")
    await_true(lambda: kept_line(file) >= 100)
    process.kill()
    process.communicate()
    line = kept_line(file)
    assert line < 600
    code, summary, said = target.feed(str(file), "--resume")
    assert code == 0
    assert f"going on behind line {line}" in said
    assert summary["read"] == 600 - line
    times = target.ids()
    assert set(times) == {f"r{number}" for number in range(600)}
    assert all(times[f"r{number}"] == 1 for number in range(line))
    # Repeated, it sends what was appended since, and nothing else.
    with file.open("ab") as more:
        more.write(encode(make_report(id="late")) + b"\n")
    assert target.feed(str(file), "--resume")[1]["sent"] == 1
    code, summary, said = target.feed(str(file), "--resume")
    assert (code, summary["sent"]) == (0, 0)
    assert "nothing new" in said
    assert target.ids()["late"] == 1


@pytest.mark.broker
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interruption_says_what_was_sent_and_how_to_go_on(
    number: signal.Signals, code: int, target: Target, tmp_path: Path
) -> None:
    file = write_reports(tmp_path / "r.ndjson", 600)
    process = target.start(str(file), "--rate", "100")
    await_true(lambda: kept_line(file) >= 1)
    process.send_signal(number)
    ended, summary, said = finish(process)
    assert ended == code
    assert 0 < summary["sent"] < 600
    assert summary["sent"] == target.ids().total() == kept_line(file)
    assert f"interrupted; {summary['sent']} sent; go on with: tensionwire feed file {file} --rate 100 --resume" in said
    assert len(said.splitlines()) == 1
    file.write_bytes(file.read_bytes().replace(b"Russia", b"France"))
    ended, _, said = target.feed(str(file), "--resume")
    assert ended == 2
    assert "has changed since; feed again from the start without --resume" in said


@pytest.mark.broker
def test_a_stream_is_sent_as_it_comes_and_can_be_interrupted(target: Target) -> None:
    process = target.start("-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(encode(make_report(id="first")) + b"\n")
    process.stdin.flush()
    await_true(lambda: target.ids()["first"] == 1)
    process.send_signal(signal.SIGINT)
    code, summary, said = finish(process)
    assert (code, summary["sent"]) == (130, 1)
    assert "feed it again from the start" in said


@pytest.mark.broker
def test_several_files_gzip_and_pipes_go_one_after_the_other(target: Target, tmp_path: Path) -> None:
    first = write_reports(tmp_path / "a.ndjson", 2)
    packed = tmp_path / "b.ndjson.gz"
    packed.write_bytes(gzip.compress(encode(make_report(id="packed")) + b"\n{}\n"))
    (tmp_path / "empty.ndjson").touch()
    os.mkfifo(tmp_path / "pipe")
    process = target.start(*(str(path) for path in (first, packed, tmp_path / "empty.ndjson", tmp_path / "pipe")))
    (tmp_path / "pipe").write_bytes(encode(make_report(id="piped", source=...)))
    code, summary, said = finish(process)
    assert (code, summary["sent"], summary["lines"]) == (3, 4, {"missing_field": [f"{packed}:2"]})
    assert "empty.ndjson: empty; no report in it to send" in said
    assert target.ids() == Counter(["r0", "r1", "packed", "piped"])


@pytest.mark.broker
def test_reports_that_name_no_source_get_the_one_given(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "r.ndjson"
    file.write_bytes(encode(make_report(source=...)))
    target.feed(str(file), "--source", "my-archive")
    records = list(read_topic(target.settings.bootstrap, target.name))
    assert [json.loads(record.value)["source"] for record in records] == ["my-archive"]


@pytest.mark.broker
def test_a_state_that_cannot_be_kept_is_said_and_refused_only_with_resume(target: Target, tmp_path: Path) -> None:
    file = write_reports(tmp_path / "r.ndjson", 2)
    code, summary, said = target.feed(str(file), "--state", "/proc/feed-state.json")
    assert (code, summary["sent"]) == (0, 2)
    assert "/proc/feed-state.json: cannot be written" in said
    code, summary, said = target.feed(str(file), "--state", "/proc/feed-state.json", "--resume")
    assert (code, summary["sent"]) == (2, 0)
    assert "choose another place with --state PATH" in said


@pytest.mark.broker
def test_a_person_at_a_terminal_sees_counts_remedies_and_the_next_command(target: Target, tmp_path: Path) -> None:
    file = write_reports(tmp_path / "r.ndjson", 2)
    file.write_bytes(file.read_bytes() + b"{}\n")
    master, slave = pty.openpty()
    process = target.start(str(file), stderr=slave)
    os.close(slave)
    shown = b""
    with suppress(OSError):
        while chunk := os.read(master, 10_000):
            shown += chunk
    os.close(master)
    code, summary, _ = finish(process)
    text = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()))
    assert (code, summary["sent"]) == (3, 2)
    assert "missing_field 1 line 3 add the field" in text
    assert "next: tensionwire watch" in text


def test_a_dry_run_needs_no_broker_and_leaves_nothing(elsewhere: Target, tmp_path: Path) -> None:
    file = write_reports(tmp_path / "r.ndjson", 2)
    code, summary, _ = elsewhere.feed(str(file), "--dry-run")
    assert (code, summary["sent"], summary["would_send"]) == (0, 0, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["r.ndjson"]


def test_a_lost_broker_ends_in_one_line_with_the_count_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers: list[subprocess.Popen[bytes]] = []
    start = embedded._start

    def started(*arguments: Any) -> subprocess.Popen[bytes]:
        brokers.append(start(*arguments))
        return brokers[-1]

    monkeypatch.setattr(embedded, "_start", started)
    with embedded.run_embedded_broker(tmp_path) as bootstrap:
        target = Target(bootstrap, "lost")
        # It would try to reconnect behind the test's back.
        target.admin.close()
        file = write_reports(tmp_path / "r.ndjson", 600)
        process = target.start(str(file), "--rate", "100", "--timeout", "2")
        await_true(lambda: kept_line(file) >= 1)
        brokers[0].kill()
        code, summary, said = finish(process)
    assert code == 1
    assert summary["sent"] == kept_line(file) > 0
    assert summary["failed"] > 0
    assert re.fullmatch(
        rf"tensionwire: Kafka: the broker at {bootstrap} is lost \(nothing acknowledged for 2 s\); "
        rf"{summary['sent']} of the \d+ lines read are acknowledged; "
        rf"when it is back: tensionwire feed file {file} .*--resume\n",
        said,
    )


def test_where_nobody_watches_a_long_run_logs_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    tally = Tally()
    display = FeedDisplay(tally, 1000, clock=lambda: now)
    display.start()
    for moment in range(int(2.5 * LOG_SECONDS)):
        now = float(moment)
        tally.read += 10
        display.tick(moment * 20)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["bytes"], line["eta_seconds"]) for line in lines] == [
        ("feed_progressed", 200, 40),
        ("feed_progressed", 400, 30),
    ]
