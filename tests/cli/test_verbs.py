"""The offline verbs as tools call them: formats, exit codes, one clear line for each mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from histories import encode, make_report

from streams.cli import cli

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def lines_of(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    text = "Russia attacked Ukraine on Monday. " + " ".join(f"Word{n}" for n in range(60))
    fields = [
        make_report(id="copy", source="b", published_at="2018-09-18T11:00:00Z", text=text),
        make_report(id="first", source="a", published_at="2018-09-18T10:00:00Z", text=text),
        make_report(id="other", source="c", text="Israel accused Iran of breaking the truce.", version=1),
        make_report(id="other", source="c", text="Israel praised Iran."),
        make_report(id="bad", published_at="2018-09-18T10:00:00"),
    ]
    file = tmp_path / "reports.ndjson"
    file.write_bytes(b"\n".join(encode(f) for f in fields[:2]) + b"\n\n" + b"\n".join(encode(f) for f in fields[2:]))
    return file


def test_fold_gives_rows_with_tension_descending_and_says_what_it_rejected(reports: Path) -> None:
    result = run("fold", str(reports), "--format", "json")
    assert result.returncode == 3
    body = json.loads(result.stdout)
    assert {"as_of", "digest", "counts", "actors", "dyads"} == body.keys()
    assert {"actor", "name", "tension", "pressure"} <= body["actors"][0].keys()
    tensions = [row["tension"] for row in body["actors"]]
    assert tensions == sorted(tensions, reverse=True)
    assert {row["actor"] for row in body["actors"]} == {"RUS", "UKR", "ISR", "IRN"}
    assert body["as_of"] == "2018-09-18T11:00:00Z"
    assert b"reports.ndjson:6: invalid_date: 'published_at' has no zone" in result.stderr


def test_fold_reads_standard_input_and_takes_a_moment() -> None:
    raw = encode(make_report(published_at="2018-09-18T10:00:00Z"))
    result = run("fold", "-", "--as-of", "2018-09-25T12:00:00+02:00", "--format", "json", stdin=raw)
    assert (result.returncode, json.loads(result.stdout)["as_of"]) == (0, "2018-09-25T10:00:00Z")
    table = run("fold", "-", stdin=raw).stdout.decode()
    assert "RUS" in table
    assert "Tension at 2018-09-18 10:00 UTC" in table


def test_missing_source_and_language_are_filled_in_as_a_feeder_would() -> None:
    raw = encode(make_report(source=..., language=...))
    event = lines_of(run("code", "-", stdin=raw).stdout)[0]
    assert (event["outlet"], event["id"]) == ("file", "r1")


def test_code_gives_events_with_the_input_id_and_a_text_that_is_there(reports: Path) -> None:
    result = run("code", str(reports))
    events = lines_of(result.stdout)
    assert result.returncode == 3
    assert [event["id"] for event in events] == ["copy", "first", "other", "other"]
    first = events[0]
    assert (first["source_actor"]["id"], first["plover"], first["target_actor"]["id"]) == ("RUS", "ASSAULT", "UKR")
    assert first["text"] == "Russia attacked Ukraine on Monday."
    assert first["retracted"] is False


def test_given_pairs_are_always_answered() -> None:
    text = "Israel bombed Syria."
    pairs = [
        {"id": 1, "text": text, "source_span": [0, 6], "target_span": [14, 19]},
        {"id": 2, "text": "Israel and Syria.", "source_span": [0, 6], "target_span": [11, 16]},
        {"id": 3, "text": text, "source_span": [0, 99], "target_span": [14, 19]},
    ]
    result = run("code", "--given-pairs", "-", stdin=b"\n".join(json.dumps(pair).encode() for pair in pairs))
    answers = lines_of(result.stdout)
    assert result.returncode == 3
    assert [answer["id"] for answer in answers] == [1, 2]
    assert all(answer.keys() == {"id", "plover", "quad_class", "confidence"} for answer in answers)
    assert (answers[0]["plover"], answers[0]["quad_class"]) == ("ASSAULT", "material_conflict")
    assert b"<stdin>:3: invalid pair" in result.stderr


def test_dedup_gives_final_verdicts_in_input_order(reports: Path) -> None:
    result = run("dedup", str(reports))
    answers = lines_of(result.stdout)
    assert result.returncode == 3
    assert all(a.keys() == {"id", "report_id", "verdict", "duplicate_of", "similarity"} for a in answers)
    assert [(a["id"], a["verdict"], a["duplicate_of"]) for a in answers] == [
        ("copy", "duplicate", "first"),
        ("first", "unique", None),
        ("other", "unique", None),
        ("other", "superseded", None),
        ("bad", "rejected", None),
    ]
    assert answers[0]["similarity"] == 1.0


def test_lint_numbers_lines_and_names_code_field_and_remedy(reports: Path) -> None:
    result = run("lint", str(reports))
    answers = lines_of(result.stdout)
    assert result.returncode == 3
    assert [answer["line"] for answer in answers] == [1, 2, 4, 5, 6]
    assert [answer["verdict"] for answer in answers] == ["accept"] * 4 + ["reject"]
    bad = answers[-1]
    assert (bad["code"], bad["field"]) == ("invalid_date", "published_at")
    assert "RFC 3339" in bad["remedy"]


def test_lint_says_offline_what_the_worker_says_of_hostile_lines() -> None:
    hostile = [
        b'{"text": "cut',
        b"\xff\xfe",
        b"[" * 100_000,
        b"[1]",
        b'{"text": NaN}',
        b'{"a": "' + b"x" * 2_000_000 + b'"}',
    ]
    answers = lines_of(run("lint", "-", stdin=b"\n".join(hostile)).stdout)
    codes = ["invalid_json", "invalid_utf8", "too_deep", "not_an_object", "invalid_json", "too_large"]
    assert [answer["code"] for answer in answers] == codes


def test_actors_are_resolved_by_name_office_and_date() -> None:
    one = lines_of(run("actors", "resolve", "Russian Foreign Minister Sergei Lavrov", "--on", "2018-09-18").stdout)[0]
    assert (one["actor"], one["sector"]) == ("RUS", "GOV")
    raw = b'{"id": 7, "text": "Hezbollah", "on": "2018-09-18"}\n{"id": 8, "text": "nobody at all"}'
    assert lines_of(run("actors", "resolve", "--batch", "-", stdin=raw).stdout) == [
        {"id": 7, "actor": "HEZ"},
        {"id": 8, "actor": None},
    ]
    assert run("actors", "resolve", "nobody at all").returncode == 1


def test_actor_of_a_phrase_is_explained_and_told_by_its_context() -> None:
    one = lines_of(run("actors", "resolve", "the Kremlin critic Alexei Navalny", "--explain").stdout)[0]
    assert one["actor"] == "RUS"
    verdicts = {finding["form"]: finding["verdict"] for finding in one["findings"]}
    assert verdicts["Alexei Navalny"] == "taken"
    assert run("actors", "resolve", "Michael Jordan", "--explain").returncode == 1
    good = b'{"id": 1, "text": "the rebels", "context": "In Liberia the rebels shelled Monrovia."}'
    raw = good + b'\n{"id": 2, "context": 3, "text": "x"}'
    answer = run("actors", "resolve", "--batch", "-", stdin=raw)
    assert lines_of(answer.stdout) == [{"id": 1, "actor": "LBR"}]
    assert answer.returncode == 3
    assert b"'context' is not a string" in answer.stderr


def test_catalogue_checks_itself() -> None:
    checked = run("actors", "check")
    assert checked.returncode == 0
    assert b"0 problems" in checked.stderr


def test_settings_show_their_origin() -> None:
    shown = json.loads(run("config", "show", "--format", "json", TENSIONWIRE_PARTITIONS="8").stdout)["settings"]
    by_name = {row["variable"]: row for row in shown}
    assert (by_name["TENSIONWIRE_PARTITIONS"]["value"], by_name["TENSIONWIRE_PARTITIONS"]["origin"]) == (
        8,
        "environment",
    )
    assert by_name["TENSIONWIRE_PREFIX"]["origin"] == "default"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("fold", "no-such-file"), 2, "no-such-file: No such file or directory"),
        (("nonsense",), 2, "No such command"),
        (("fold", "-", "--as-of", "yesterday"), 2, "not RFC 3339"),
        (("topics", "diff"), 1, "no broker at 127.0.0.1:1"),
        (("worker",), 1, "no broker at 127.0.0.1:1"),
        (("replay", "--verify"), 1, "no broker at 127.0.0.1:1"),
        (("feed", "file", "-"), 1, "no broker at 127.0.0.1:1"),
    ],
)
def test_each_mistake_is_told_without_a_traceback(arguments: tuple[str, ...], code: int, says: str) -> None:
    result = run(*arguments, TENSIONWIRE_BOOTSTRAP="127.0.0.1:1")
    assert result.returncode == code
    assert says in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_bad_setting_is_named() -> None:
    result = run("config", "show", TENSIONWIRE_PARTITIONS="many")
    assert result.returncode == 2
    assert "TENSIONWIRE_PARTITIONS" in result.stderr.decode()


def test_every_verb_has_help_with_an_example() -> None:
    def leaves(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
        if not isinstance(command, click.Group):
            return [(path, command)]
        context = click.Context(command)
        found: list[tuple[tuple[str, ...], click.Command]] = [(path, command)]
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += leaves(child, (*path, name))
        return found

    for path, command in leaves(cli, ()):
        assert "Example:" in (command.help or ""), path
