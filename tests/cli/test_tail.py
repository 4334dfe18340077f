"""`tensionwire tail` as people and scripts use it: on a terminal, in a pipe, interrupted, cut off."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient
from published import Published, make_dyad_row, make_event, make_row

from streams.cli.embedded import run_embedded_broker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kafka_source import Broker

pytestmark = pytest.mark.broker
TOPICS = ("events.coded", "tension.actors", "tension.dyads", "reports.rejected", "reports.raw", "tension.alerts")


@pytest.fixture
def published(broker: Broker, unique_prefix: str) -> Iterator[Published]:
    with Published(broker.bootstrap, unique_prefix, *TOPICS) as topics:
        yield topics


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "streams", "tail", *arguments]


def environment(published: Published, **changes: str) -> dict[str, str]:
    ours = {"TENSIONWIRE_BOOTSTRAP": published.bootstrap, "TENSIONWIRE_PREFIX": published.prefix}
    return {**os.environ, "COLUMNS": "80", **ours, **changes}


def run(published: Published, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        env=environment(published, **changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Terminal:
    """A run whose standard output is a terminal."""

    def __init__(self, published: Published, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command(*arguments), env=environment(published), stdout=slave, stderr=subprocess.PIPE, text=True
        )
        os.close(slave)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise AssertionError(f"no {text!r} in {self.shown!r}")
            self.shown += os.read(self._master, 65536).decode()

    def interrupt(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=30)
        os.close(self._master)
        return self.process.returncode, errors


def lines(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_pipe_gets_every_message_as_json_with_its_coordinates_and_the_end(published: Published) -> None:
    published.events(*(make_event(f"e{n}") for n in range(12)))
    result = run(published, "events")
    assert (result.returncode, result.stderr) == (0, "")
    found = lines(result)
    assert [event["event_id"] for event in found] == [f"e{n}" for n in range(12)]
    assert found[0]["_topic"] == published.topic("events.coded")
    assert (found[3]["_offset"], found[3]["_key"]) == (3, "RUS>SYR")
    assert found[0]["published_at"] == "2018-09-18T06:00:00Z"


def test_filters_and_limit_choose_what_is_printed(published: Published) -> None:
    published.events(make_event("mild", goldstein=-1.0), make_event("hard"), make_event("else", source="USA"))
    result = run(published, "events.coded", "--where", "goldstein < -5", "--actor", "RUS", "--actor", "IRN")
    assert [event["event_id"] for event in lines(result)] == ["hard"]
    assert len(lines(run(published, "events", "--limit", "2"))) == 2


def test_tombstones_raw_bytes_and_rejected_records_are_json_too(published: Published) -> None:
    with published.transaction():
        published.write("tension.actors", None, "RUS")
        published.write("reports.raw", b'{"source": "a", "x": 1}', "en")
        published.write("reports.raw", b"no json", "en")
        names = "code detail field stage topic partition offset ingested_at_ms".split()
        published.write("reports.rejected", b"no json", headers=[(name, b"7") for name in names])
    assert lines(run(published, "actors"))[0] == {
        "_deleted": True,
        "_topic": published.topic("tension.actors"),
        "_partition": lines(run(published, "actors"))[0]["_partition"],
        "_offset": 0,
        "_key": "RUS",
    }
    raw = lines(run(published, "raw"))
    assert [{key: value for key, value in one.items() if key[0] != "_"} for one in raw] == [
        {"source": "a", "x": 1},
        {"raw": "no json"},
    ]
    rejected = lines(run(published, "rejected"))[0]
    assert (rejected["code"], rejected["raw"], rejected["offset"]) == ("7", "no json", 7)


def test_terminal_shows_the_last_ten_then_follows_until_interrupted(published: Published) -> None:
    published.events(*(make_event(f"e{n}", text=f"Sentence number {n}.") for n in range(15)))
    terminal = Terminal(published, "events")
    terminal.wait_for("Sentence number 14.")
    assert "Sentence number 5." in terminal.shown
    assert "Sentence number 4." not in terminal.shown
    published.events(make_event("new", text="Something new."))
    terminal.wait_for("Something new.")
    assert terminal.interrupt() == (0, "")


def test_words_from_a_report_cannot_control_the_terminal(published: Published) -> None:
    published.events(make_event(text="Evil \x1b[2J\x1b]0;owned\x07 [red]words[/red]\nsecond line\u202e."))
    result = run(published, "events", "--format", "pretty", COLUMNS="200")
    [line] = result.stdout.splitlines()
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert "[red]words[/red] second line" in line


def test_pretty_line_has_one_line_a_message_cut_to_the_terminal(published: Published) -> None:
    published.events(make_event(text="A very long sentence " * 20))
    published.rows(make_row("RUS", 75.0, name="Russia"))
    with published.transaction():
        published.write("tension.dyads", make_dyad_row("RUS", "SYR", 25.0), "RUS>SYR")
    [event] = run(published, "events", "--format", "pretty").stdout.splitlines()
    assert len(event) <= 80
    assert "RUS>SYR" in event
    assert "ASSAULT" in event
    assert "-9.0" in event
    row = run(published, "actors", "--format", "pretty").stdout
    assert "75.0 ███████▌" in row
    assert "Russia" in row
    assert "RUS>SYR" in run(published, "dyads", "--format", "pretty").stdout


def test_empty_topic_and_no_match_are_said_on_standard_error(published: Published) -> None:
    assert "tension.alerts is empty" in run(published, "alerts").stderr
    published.events(make_event())
    result = run(published, "events", "--actor", "USA")
    assert (result.returncode, result.stdout) == (0, "")
    assert "1 read, 0 matched" in result.stderr


def test_waiting_without_a_match_is_said_and_ends_quietly_when_interrupted(published: Published) -> None:
    published.events(make_event())
    with subprocess.Popen(
        command("events", "--follow", "--actor", "USA"), env=environment(published), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "1 read, 0 matched; waiting" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_reader_that_has_seen_enough_ends_it_with_zero(published: Published) -> None:
    published.events(*(make_event(f"e{n}", text="x" * 5000) for n in range(200)))
    with subprocess.Popen(
        command("events"), env=environment(published), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["event_id"] == "e0"
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_mistakes_are_one_line_with_the_remedy(published: Published) -> None:
    bad = run(published, "events", "--where", "goldstien < 5")
    assert bad.returncode == 2
    assert bad.stderr.splitlines()[:2] == ["goldstien < 5", "^"]
    assert "did you mean goldstein?" in bad.stderr.splitlines()[2]
    stage = run(published, "evnts")
    assert (stage.returncode, "'evnts' is none of raw, unique" in stage.stderr) == (2, True)
    since = run(published, "events", "--since", "2018-09-18T12:00:00")
    assert (since.returncode, "has no zone" in since.stderr) == (2, True)
    missing = run(published, "unique")
    assert (missing.returncode, "no such topic" in missing.stderr) == (2, True)
    away = run(published, "events", TENSIONWIRE_BOOTSTRAP="127.0.0.1:1")
    assert (away.returncode, "no broker at 127.0.0.1:1" in away.stderr) == (1, True)
    actors = run(published, "raw", "--actor", "RUS")
    assert (actors.returncode, "names no actors" in actors.stderr) == (2, True)


def test_undecodable_message_is_named_passed_over_and_makes_the_exit_code_three(published: Published) -> None:
    with published.transaction():
        published.write("events.coded", b"{}", "RUS>SYR", partition=1)
        published.write("events.coded", make_event("good"), "RUS>SYR", partition=1)
    result = run(published, "events")
    assert (result.returncode, [event["event_id"] for event in lines(result)]) == (3, ["good"])
    assert f"{published.topic('events.coded')}[1]@0: skipped" in result.stderr


def test_an_outage_is_said_while_following(tmp_path: Path) -> None:
    with run_embedded_broker(tmp_path) as bootstrap:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        admin.create_topics({"outage.events.coded.v1": {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        ours = {"TENSIONWIRE_BOOTSTRAP": bootstrap, "TENSIONWIRE_PREFIX": "outage"}
        process = subprocess.Popen(
            command("events", "--follow"), env={**os.environ, **ours}, stderr=subprocess.PIPE, text=True
        )
        # Ends a run that says nothing, and so the wait for its words.
        limit = threading.Timer(60, process.kill)
        limit.start()
        assert process.stderr is not None
        assert process.stderr.readline() == "events.coded is empty; waiting for more\n"
    assert process.stderr.readline().startswith(f"tensionwire: no broker at {bootstrap}: nobody listens there")
    limit.cancel()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 0
