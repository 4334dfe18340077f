"""`dlq` as an operator meets it: what was rejected, why, what to do, and nothing sent that would come back."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import uuid
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from histories import encode, make_report
from kafka import KafkaAdminClient, KafkaProducer

from streams.cli import cli
from streams.cli.letters.reading import Letter, Selection, parse_place
from streams.cli.letters.redriving import parse_changes
from streams.client.reading import read_topic
from streams.codebook import data_version
from streams.core.errors import REJECT_CODES, ConfigurationError
from streams.settings import load_settings
from streams.worker.topics import create, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result
    from kafka_source import Broker


def test_a_place_is_read_in_both_forms_and_anything_else_shows_them() -> None:
    settings = load_settings(prefix="p")
    assert parse_place("3@17", settings) == (None, 3, 17)
    assert parse_place("p.reports.raw.v1[1]@5", settings) == ("p.reports.raw.v1", 1, 5)
    assert parse_place("reports.raw[1]@5", settings) == ("p.reports.raw.v1", 1, 5)
    assert parse_place("p.reports.rejected.v1[3]@17", settings) == (None, 3, 17)
    with pytest.raises(ConfigurationError, match=r"partition@offset.*dlq list"):
        parse_place("17", settings)


def test_a_misspelt_field_or_a_version_that_is_no_number_is_refused() -> None:
    assert parse_changes(("language=en", "version=2", "url=", "title=a=b")) == {
        "language": "en",
        "version": 2,
        "url": None,
        "title": "a=b",
    }
    for argument in ("langauge=en", "language", "version=two"):
        with pytest.raises(ConfigurationError, match=argument):
            parse_changes((argument,))


def test_a_selection_takes_places_else_code_stage_and_moment() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    letter = Letter(0, 5, at, None, b"", "misrouted", "", "", "deduplicate", "raw", 1, 9)
    assert Selection(codes=("misrouted",), since=at).takes(letter)
    assert not Selection(codes=("too_late",)).takes(letter)
    assert not Selection(stage="classify").takes(letter)
    assert not Selection(since=datetime(2026, 1, 2, tzinfo=UTC)).takes(letter)


class Letters:
    """Topics of their own with rejected records on them, as a worker writes them."""

    def __init__(self, bootstrap: str) -> None:
        self.settings = load_settings(bootstrap=bootstrap, prefix=f"dlq{uuid.uuid4().hex[:8]}", partitions=2)
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        create(self.admin, topics_of(self.settings, data_version()))
        self.environment = {
            "TENSIONWIRE_BOOTSTRAP": bootstrap,
            "TENSIONWIRE_PREFIX": self.settings.prefix,
            "TENSIONWIRE_PARTITIONS": "2",
        }

    def reject(self, value: bytes, code: str, **headers: str) -> str:
        """Put a rejected record on the topic; return its place."""
        origin = {"topic": self.settings.topic("reports.raw"), "partition": "0", "offset": "7", "stage": "deduplicate"}
        named = {"code": code, "detail": f"because of {code}", "field": "", **origin, **headers}
        with closing(KafkaProducer(bootstrap_servers=self.settings.bootstrap)) as producer:
            encoded = [(name, text.encode()) for name, text in named.items()]
            sent = producer.send(self.settings.topic("reports.rejected"), value, headers=encoded).get(10)
        return f"{sent.partition}@{sent.offset}"

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(cli, ["dlq", *arguments], env=self.environment)
        if isinstance(result.exception, ConfigurationError):
            return result
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--format", "ndjson").stdout.splitlines()]

    def raw(self) -> list[Any]:
        return list(read_topic(self.settings.bootstrap, self.settings.topic("reports.raw")))

    def close(self) -> None:
        self.admin.delete_topics([topic.name for topic in topics_of(self.settings, data_version())])
        self.admin.close()


@pytest.fixture
def letters(broker: Broker) -> Iterator[Letters]:
    with closing(Letters(broker.bootstrap)) as opened:
        yield opened


@pytest.mark.broker
class TestOnABroker:
    def test_list_groups_by_code_and_stage_with_remedy_and_commands(self, letters: Letters) -> None:
        places = {letters.reject(encode(make_report(id=f"r{n}")), "misrouted") for n in range(4)}
        late = letters.reject(encode(make_report()), "too_late")
        letters.reject(b"junk", "invalid_json", stage="classify")
        groups = {group["code"]: group for group in letters.lines("list")}
        assert (groups["misrouted"]["count"], groups["misrouted"]["redriven"]) == (4, 0)
        assert set(groups["misrouted"]["examples"]) < places
        assert groups["misrouted"]["remedy"] == REJECT_CODES["misrouted"]
        assert groups["misrouted"]["redrive"] == "tensionwire dlq redrive --reason misrouted --dry-run"
        assert (groups["too_late"]["show"], groups["too_late"]["redrive"]) == (f"tensionwire dlq show {late}", None)
        assert groups["invalid_json"]["stage"] == "classify"
        assert [group["code"] for group in letters.lines("list", "--stage", "classify")] == ["invalid_json"]
        assert [group["code"] for group in letters.lines("list", "--reason", "too_late")] == ["too_late"]
        assert letters.lines("list", "--since", "2999-01-01T00:00:00Z") == []
        body = json.loads(letters.run("list", "--format", "json").stdout)
        assert (body["records"], len(body["groups"])) == (6, 3)

    def test_what_reports_say_cannot_control_the_terminal(self, letters: Letters) -> None:
        hostile = "\x1b]0;owned\x07\x1b[31m[bold]red\u202e"
        place = letters.reject(encode(make_report(title=hostile)), "invalid_date", field="published_at", detail=hostile)
        letters.reject(hostile.encode(), f"code{hostile}")
        for arguments in (("show", place), ("list",), ("redrive", place, "--dry-run")):
            shown = letters.run(*arguments).stdout
            assert not {"\x1b", "\x07", "\u202e"} & set(shown), arguments
        assert "[bold]" in letters.run("show", place).stdout

    def test_show_marks_the_field_and_finds_a_record_by_either_place(self, letters: Letters) -> None:
        raw = encode(make_report(published_at="2018-09-18"))
        place = letters.reject(raw, "invalid_date", field="published_at", offset="41")
        shown = letters.run("show", place).stdout
        assert '>   "published_at": "2018-09-18",' in shown
        assert '    "language": "en"' in shown
        assert REJECT_CODES["invalid_date"] in shown
        origin = f"{letters.settings.topic('reports.raw')}[0]@41"
        assert letters.run("show", origin).stdout == shown
        assert letters.run("show", place, "--raw").stdout_bytes == raw
        (described,) = letters.lines("show", place)
        assert (described["value"], described["field"], described["redriven"]) == (raw.decode(), "published_at", False)

    def test_show_dumps_what_is_no_text_and_keeps_long_records_short(self, letters: Letters) -> None:
        binary = b"\x00\xff" * 5000
        place = letters.reject(binary, "invalid_utf8")
        shown = letters.run("show", place).stdout
        assert "000000  00 ff 00 ff" in shown
        assert "9488 more bytes" in shown
        assert letters.run("show", place, "--raw").stdout_bytes == binary
        long = letters.reject(encode({str(n): n for n in range(500)}), "missing_field")
        assert len(letters.run("show", long).stdout.splitlines()) < 90

    def test_a_record_that_is_not_there_ends_with_how_to_find_one(self, letters: Letters) -> None:
        letters.reject(b"{}", "missing_field")
        for arguments in (("show", "0@999"), ("redrive", "0@999"), ("show", "--reason", "too_deep")):
            result = letters.run(*arguments)
            assert "`tensionwire dlq list`" in str(result.exception), arguments
        assert letters.run("redrive").exit_code == 2
        assert "misrouted" in letters.run("list", "--reason", "misroutde").stderr

    def test_a_dry_run_says_what_would_happen_and_sends_nothing(self, letters: Letters) -> None:
        stray = letters.reject(encode(make_report(language=...)), "misrouted")
        broken = letters.reject(b'{"text": "cut', "invalid_json")
        verdicts = {line["place"]: line for line in letters.lines("redrive", stray, broken, "--dry-run")}
        assert verdicts[stray]["verdict"] == "accept"
        assert "language en detected" in verdicts[stray]["note"]
        assert (verdicts[broken]["verdict"], verdicts[broken]["code"]) == ("reject", "invalid_json")
        assert letters.run("redrive", stray, broken, "--dry-run").exit_code == 3
        assert letters.raw() == []

    def test_a_redriven_record_keeps_its_bytes_and_says_where_it_comes_from(self, letters: Letters) -> None:
        raw = b'{"source": "a",  "published_at":"2018-09-18T09:12:00Z","text":"x y z","language":"fr", "n":1.50}'
        place = letters.reject(raw, "misrouted")
        result = letters.run("redrive", "--reason", "misrouted")
        assert (result.exit_code, result.stdout) == (
            0,
            "1 sent, 0 would be rejected again, 0 sent back before, 0 failed\n",
        )
        (record,) = letters.raw()
        assert (record.value, record.key) == (raw, b"fr")
        partition, _, offset = place.partition("@")
        mark = f"{letters.settings.topic('reports.rejected')}[{partition}]@{offset}"
        assert record.headers == [("redriven_from", mark.encode())]
        assert letters.lines("list")[0]["redriven"] == 1
        assert "redriven  yes" in letters.run("show", place).stdout

    def test_twice_is_once_and_again_is_harmless(self, letters: Letters) -> None:
        letters.reject(encode(make_report()), "misrouted")
        assert letters.run("redrive", "--reason", "misrouted").exit_code == 0
        assert letters.run("redrive", "--reason", "misrouted").stdout.startswith(
            "0 sent, 0 would be rejected again, 1 "
        )
        assert len(letters.raw()) == 1
        assert letters.run("redrive", "--reason", "misrouted", "--again").stdout.startswith("1 sent")

    def test_set_changes_fields_and_a_missing_source_is_never_invented(self, letters: Letters) -> None:
        place = letters.reject(encode(make_report(source=None, url="https://x")), "missing_field", field="source")
        assert letters.run("redrive", place).exit_code == 3
        assert letters.raw() == []
        assert (
            letters.run("redrive", place, "--set", "source=mine", "--set", "language=FR-ca", "--set", "url=").exit_code
            == 0
        )
        (record,) = letters.raw()
        assert record.key == b"fr"
        sent = json.loads(record.value)
        assert (sent["source"], sent["language"], "url" in sent) == ("mine", "FR-ca", False)

    def test_a_record_of_another_codebook_or_of_nobody_is_refused_with_the_reason(self, letters: Letters) -> None:
        other = letters.reject(b"{}", "internal_error", stage="aggregate", topic="x.events.by_actor.v1.0badc0de")
        foreign = letters.reject(b"{}", "misrouted", stage="", topic="")
        lines = {line["place"]: line for line in letters.lines("redrive", other, foreign, "--dry-run")}
        assert (lines[other]["code"], lines[foreign]["code"]) == ("other_codebook", "foreign")

    def test_a_terminal_is_asked_and_no_means_nothing_is_sent(self, letters: Letters) -> None:
        letters.reject(encode(make_report()), "misrouted")
        control, terminal = pty.openpty()
        os.write(control, b"n\n")
        command = [sys.executable, "-m", "streams", "dlq", "redrive", "--reason", "misrouted"]
        environment = {**os.environ, **letters.environment}
        result = subprocess.run(command, stdin=terminal, capture_output=True, env=environment, timeout=60, check=False)
        os.close(control)
        os.close(terminal)
        assert b"send 1 records back?" in result.stderr
        assert (result.returncode != 0, letters.raw()) == (True, [])
