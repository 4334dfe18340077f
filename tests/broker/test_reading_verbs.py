"""`watch`, `actor`, `dyad` and `explain` on a real broker: what they say is what the topics hold."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from histories import encode, make_history, make_report
from pipeline import Pipeline, standing

from streams.cli.explaining import explain_actor
from streams.cli.scanning import Scanner
from streams.client import TensionTable
from streams.client.connection import connect
from streams.client.reading import read_record
from streams.core.identity import report_id
from streams.core.models import CodedEvent
from streams.core.tension import ActorRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_source import Broker

pytestmark = pytest.mark.broker

_FILLER = " ".join(f"Word{n}" for n in range(60))
_ATTACK = f"Qatar bombed Yemen on Monday. {_FILLER}"


def _attack(outlet: str, hour: int, text: str = _ATTACK) -> dict[str, Any]:
    published = f"2018-09-04T{hour:02}:00:00Z"
    return make_report(source=outlet, id=f"{outlet}-1", published_at=published, title="Strike on Yemen", text=text)


# Five outlets, two texts: the second text is another report of the same event, the others are copies of the first.
REPORTS = [
    _attack("alpha", 8),
    _attack("beta", 9, "On Monday morning Qatar bombed Yemen with great force, and many people fled the coast."),
    _attack("gamma", 10),
    _attack("delta", 11),
    _attack("omega", 12, " ".join(_ATTACK.split()[:50])),
]


@pytest.fixture(scope="module")
def pipeline(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with Pipeline(broker.bootstrap, tmp_path_factory.mktemp("reading"), session_timeout_seconds=6.0) as running:
        running.start_worker()
        running.feed([*make_history(60, seed=5).raws, *map(encode, REPORTS)])
        running.wait_until_done()
        yield running


def run(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=pipeline.environment)


def answer(pipeline: Pipeline, *arguments: str) -> Any:
    result = run(pipeline, *arguments, "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def rows_of(pipeline: Pipeline) -> list[ActorRow]:
    with TensionTable(pipeline.settings.bootstrap, prefix=pipeline.settings.prefix) as table:
        return table.load().rows()


def record_at(pipeline: Pipeline, place: str) -> Any:
    topic, partition, offset = re.fullmatch(r"(.*)\[(\d+)\]@(\d+)", place).groups()  # type: ignore[union-attr]
    consumer = connect(pipeline.settings.bootstrap)
    try:
        return read_record(consumer, topic, int(partition), int(offset))
    finally:
        consumer.close()


def test_watch_once_gives_the_rows_of_the_table(pipeline: Pipeline) -> None:
    body = answer(pipeline, "watch", "--once")
    rows = rows_of(pipeline)
    assert len(rows) > 10
    assert msgspec.convert(body["actors"], list[ActorRow]) == rows
    assert body["total"] == len(rows)
    table = run(pipeline, "watch", "--top", "3")
    assert (table.returncode, table.stderr) == (0, "")
    assert [line.split()[0] for line in table.stdout.splitlines()[2:5]] == [row.actor for row in rows[:3]]


def test_the_words_of_an_actor_add_up_to_its_row(pipeline: Pipeline) -> None:
    with Scanner(pipeline.settings.bootstrap) as scanner:
        for row in rows_of(pipeline)[::3]:
            explained = explain_actor(scanner, pipeline.settings, pipeline.version, row.actor, top=2)
            assert (explained.row, explained.adds_up, explained.note) == (row, True, None)
            assert abs(explained.sums.pressure - row.pressure) <= 1e-6
            for group in explained.groups:
                assert {seen.event.event_id for seen in group.events} == set(group.event_ids)
                assert {seen.version.report_id for seen in group.reports} == set(group.registers)


def test_copies_that_were_not_counted_are_named(pipeline: Pipeline) -> None:
    body = answer(pipeline, "explain", "Yemen", "--all")
    group = next(group for group in body["groups"] if (group["dyad"], group["plover"]) == ("QAT>YEM", "ASSAULT"))
    assert group["outlets"] == ["alpha", "beta"]
    copies = [copy for report in group["reports"] for copy in report["copies"]]
    assert sorted(copy["outlet"] for copy in copies) == ["delta", "gamma", "omega"]
    assert all(copy["similarity"] > 0.5 for copy in copies)
    tree = run(pipeline, "explain", "YEM", "--all").stdout
    assert "3 copies not counted in n:" in tree
    assert "n=2: alpha, beta" in tree
    assert "the groups add up to the row's pressure" in tree


def test_places_are_where_the_records_lie(pipeline: Pipeline) -> None:
    body = answer(pipeline, "explain", "YEM", "--top", "1")
    assert record_at(pipeline, body["place"]).key == b"YEM"
    group = body["groups"][0]
    for seen in group["events"]:
        assert json.loads(record_at(pipeline, seen["place"]).value) == seen["event"]
    for report in group["reports"]:
        version = report["version"]
        assert json.loads(record_at(pipeline, version["place"]).value)["report"]["title"] == version["title"]
        assert json.loads(record_at(pipeline, version["raw"]).value)["title"] == version["title"]
        register = record_at(pipeline, group["registers"][version["report_id"]])
        assert register.key.decode().startswith("YEM|")


def test_another_moment_is_computed_and_said_to_be(pipeline: Pipeline) -> None:
    body = answer(pipeline, "explain", "YEM", "--as-of", "2018-09-20T00:00:00Z")
    assert (body["as_of"], body["adds_up"]) == ("2018-09-20T00:00:00Z", None)
    assert 0 < body["sums"]["conflict"] < body["row"]["conflict"]
    assert "computed for this moment" in body["note"]


def test_an_actor_is_shown_with_its_dyads_and_its_latest_standing_events(pipeline: Pipeline) -> None:
    body = answer(pipeline, "actor", "yemen")
    row = next(row for row in rows_of(pipeline) if row.actor == "YEM")
    assert msgspec.convert(body["row"], ActorRow) == row
    assert any((pair["source"], pair["target"]) == ("QAT", "YEM") for pair in body["dyads"]["target"])
    held = standing(pipeline.coded_events()).values()
    about = [event for event in held if "YEM" in (event.source_actor.id, event.target_actor.id)]
    about.sort(key=lambda event: (event.occurred_on, event.published_at, event.event_id), reverse=True)
    assert [msgspec.convert(seen["event"], CodedEvent) for seen in body["events"]] == about[:10]
    card = run(pipeline, "actor", "YEM").stdout
    assert "Qatar bombed Yemen on Monday." in card
    assert "tensionwire explain YEM" in card


def test_a_pair_is_shown_in_both_directions(pipeline: Pipeline) -> None:
    body = answer(pipeline, "dyad", "QAT>YEM")
    first = body["directions"][0]
    assert (first["row"]["source"], first["row"]["target"]) == ("QAT", "YEM")
    assert (
        abs(sum(-group["weight"] for group in first["groups"] if group["weight"] < 0) - first["row"]["conflict"]) < 1e-6
    )
    assert answer(pipeline, "dyad", "qatar", "yemen") == body
    assert "QAT>YEM" in run(pipeline, "dyad", "QAT", "YEM").stdout


def test_an_event_is_traced_through_correction_and_withdrawal(pipeline: Pipeline) -> None:
    mine = report_id("alpha", "alpha-1")
    event = next(event for event in pipeline.coded_events() if event.report_id == mine)
    body = answer(pipeline, "explain", event.event_id[:8])
    assert (body["event_id"], body["standing"], len(body["history"])) == (event.event_id, True, 1)
    assert {share["actor"] for share in body["shares"]} == {"QAT", "YEM"}
    assert all(0 < share["share"] <= 1 for share in body["shares"])
    withdrawn = {**_attack("zeta", 13, "Qatar praised Kenya."), "id": "zeta-1"}
    pipeline.feed([encode(withdrawn)])
    pipeline.wait_until_done()
    pipeline.feed([encode({**withdrawn, "version": 1, "updated_at": "2018-09-05T00:00:00Z", "status": "withdrawn"})])
    pipeline.wait_until_done()
    gone = next(event for event in pipeline.coded_events() if event.report_id == report_id("zeta", "zeta-1"))
    body = answer(pipeline, "explain", gone.event_id)
    assert (body["standing"], [seen["event"]["retracted"] for seen in body["history"]]) == (False, [False, True])
    assert [version["state"] for version in body["versions"]] == ["unique", "withdrawn"]
    tree = run(pipeline, "explain", gone.event_id).stdout
    assert "was taken back" in tree
    assert "Qatar praised Kenya." in tree


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("explain", "abcdef0123"), "no event abcdef0123"),
        (("actor", "atlantis"), "no such actor"),
        (("watch", "--once", "--actor", "yemn"), "nearest: YEM (Yemen)"),
        (("dyad", "YEM", "YEM"), "no events between YEM and YEM"),
    ],
)
def test_what_is_not_there_is_one_line_with_a_remedy(pipeline: Pipeline, arguments: tuple[str, ...], says: str) -> None:
    result = run(pipeline, *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert len(result.stderr.strip().split("\n")) == 1


def test_a_missing_topic_is_told_with_a_remedy(pipeline: Pipeline) -> None:
    environment = {**pipeline.environment, "TENSIONWIRE_PREFIX": "nobody"}
    for verb in (("watch", "--once"), ("actor", "RUS"), ("explain", "RUS"), ("explain", "abcdef")):
        command = [sys.executable, "-m", "streams", *verb]
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert result.returncode == 2
        assert "no such topic" in result.stderr
        assert "tensionwire topics init" in result.stderr


class Screen:
    """`watch` on a terminal of its own."""

    def __init__(self, pipeline: Pipeline, *arguments: str, columns: int = 80) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            command = [sys.executable, "-m", "streams", "watch", *arguments]
            os.execve(sys.executable, command, pipeline.environment)  # noqa: S606 - after a fork, on its terminal
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = ""

    def wait_for(self, text: str) -> None:
        """Read until `text` is painted after what was last waited for."""
        deadline = time.monotonic() + 120
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} not in {self.seen[-3000:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]

    def end(self) -> int:
        while select.select([self.fd], [], [], 10)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_watch_paints_follows_new_reports_and_ends_at_q(pipeline: Pipeline) -> None:
    screen = Screen(pipeline, "--actor", "Norway", "--actor", "NOR", "--actor", "Iceland", "--interval", "0.2")
    screen.wait_for("watermark")
    pipeline.feed([encode(_attack("kappa", 14, "Norway accused Iceland of breaking the truce."))])
    screen.wait_for("ISL")
    screen.wait_for("last change")
    os.write(screen.fd, b"q")
    assert screen.end() == 0
    assert screen.seen.endswith("\x1b[?1049l")
    os.close(screen.fd)


def test_watch_ends_at_ctrl_c_with_0(pipeline: Pipeline) -> None:
    screen = Screen(pipeline)
    screen.wait_for("watermark")
    os.write(screen.fd, b"\x03")
    assert screen.end() == 0
    os.close(screen.fd)
