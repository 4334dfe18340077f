"""The offline verbs as tools call them: formats, exit codes, one clear line for each mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import click
import msgspec
import pytest
from click.testing import CliRunner
from histories import encode, make_history, make_report

from streams.cli import cli
from streams.core.models import CodedEvent
from streams.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

DEMO = str(files("streams") / "data" / "demo" / "reports.ndjson")
FIVE = {"line", "verdict", "code", "detail", "field"}


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


# Below: in this process, which is faster; `run` is for what only a process has (exit by `main`, pipes, devices).


def call(*arguments: str, stdin: bytes = b"") -> Result:
    result = CliRunner().invoke(cli, arguments, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def answers_of(result: Result) -> list[dict[str, Any]]:
    return lines_of(result.stdout.encode())


def write_lines(path: Path, *fields: dict[str, Any]) -> str:
    path.write_bytes(b"".join(encode(item) + b"\n" for item in fields))
    return str(path)


def test_fold_orders_actors_and_dyads_by_tension_and_counts_every_line() -> None:
    result = call("fold", DEMO, "--format", "json")
    body = json.loads(result.stdout)
    assert result.exit_code == 0
    for rows in (body["actors"], body["dyads"]):
        tensions = [row["tension"] for row in rows]
        assert tensions == sorted(tensions, reverse=True)
        assert tensions[0] > tensions[-1]
    assert {"source", "target", "tension", "pressure"} <= body["dyads"][0].keys()
    assert body["counts"]["read"] == body["counts"]["accepted"] == 34
    assert len(body["digest"]) == 32


def test_fold_table_shows_the_actors_of_the_json_first_ones_first() -> None:
    actors = [row["actor"] for row in json.loads(call("fold", DEMO, "--format", "json").stdout)["actors"]]
    table = call("fold", DEMO).stdout
    assert [table.index(actor) for actor in actors[:3]] == sorted(table.index(actor) for actor in actors[:3])


def test_fold_gives_the_same_digest_however_the_reports_lie_in_files(tmp_path: Path) -> None:
    raws = make_history(60, seed=7, days=5).raws
    one, odd, even = (tmp_path / name for name in ("one", "odd", "even"))
    one.write_bytes(b"\n".join(raws))
    odd.write_bytes(b"\r\n".join(raws[1::2]) + b"\r\n")
    even.write_bytes(b"\xef\xbb\xbf" + b"\n\n".join(raws[::2]))
    results = [
        json.loads(call("fold", *names, "--format", "json", stdin=b"\n".join(raws)).stdout)
        for names in ((str(one),), (str(odd), str(even)), (str(one), str(one)), ("-",))
    ]
    assert len({result["digest"] for result in results}) == 1
    for rows in ("actors", "dyads"):
        told = [[row for row in result[rows] if row["windows"]["30d"]["events"]] for result in results]
        assert all(each == told[0] for each in told)


def test_fold_gives_the_same_rows_whichever_version_of_a_report_came_first() -> None:
    wrong = encode(make_report(text="Russia attacked Ukraine."))
    right = encode(make_report(text="Russia attacked Poland.", version=1))
    one, other = (
        json.loads(call("fold", "-", "--format", "json", stdin=b"\n".join(raws)).stdout)
        for raws in ((wrong, right), (right, wrong))
    )
    assert one["digest"] == other["digest"]
    assert one["actors"] == other["actors"]
    assert one["dyads"] == other["dyads"]


def test_fold_at_an_earlier_moment_leaves_out_what_came_later(tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "f",
        make_report(id="a", published_at="2018-09-10T00:00:00Z", text="France attacked Spain."),
        make_report(id="b", published_at="2018-09-12T00:00:00Z", text="Norway attacked Sweden."),
    )
    body = json.loads(call("fold", file, "--as-of", "2018-09-11T00:00:00Z", "--format", "json").stdout)
    assert {row["actor"] for row in body["actors"] if row["tension"]} == {"FRA", "ESP"}
    assert body["as_of"] == "2018-09-11T00:00:00Z"


def test_fold_without_an_accepted_report_says_so_in_both_formats() -> None:
    empty: dict[str, Any] = {"as_of": None, "digest": None, "counts": {}, "actors": [], "dyads": []}
    result = call("fold", "-", "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, empty)
    result = call("fold", "-", stdin=b"[]")
    assert result.exit_code == 3
    assert "No events" in result.stdout


def test_fold_rejects_what_is_too_late_by_line(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "f", make_report(), make_report(id="old", published_at="2018-09-01T00:00:00Z"))
    result = call("fold", file, "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["counts"]["rejected_too_late"]) == (3, 1)
    assert f"{file}:2: too_late" in result.stderr


def test_code_gives_whole_events_under_the_input_id_given_or_derived() -> None:
    raws = [
        make_report(id="mine"),
        make_report(id=..., url="https://a.example/1"),
        make_report(id="gone", status="withdrawn"),
    ]
    result = call("code", "-", "--format", "ndjson", stdin=b"\n".join(map(encode, raws)))
    events = answers_of(result)
    assert (result.exit_code, [event["id"] for event in events]) == (0, ["mine", "https://a.example/1"])
    for event in events:
        assert event.keys() == {"id", *CodedEvent.__struct_fields__}
        assert msgspec.convert(event, CodedEvent).quad_class == "material_conflict"
        start, end = event["span"]
        assert "Russia attacked Ukraine on Monday."[start:end] == event["text"]


def test_unreadable_pairs_are_told_by_line_and_the_others_answered() -> None:
    good = {"text": "Russia attacked Ukraine.", "source_span": [0, 6], "target_span": [16, 23]}
    bad = [b"[1]", b"null", b'"text"', b"{", b'{"text": "a"}', json.dumps({**good, "source_span": [3, 3]}).encode()]
    result = call("code", "--given-pairs", "-", stdin=b"\n".join([*bad, json.dumps({**good, "id": "z"}).encode()]))
    assert result.exit_code == 3
    assert [(answer["id"], answer["plover"]) for answer in answers_of(result)] == [("z", "ASSAULT")]
    assert [line.split(":")[1] for line in result.stderr.splitlines()] == list("123456")


def test_dedup_answers_each_line_with_the_id_that_line_gives(tmp_path: Path) -> None:
    long = "Russia attacked Ukraine on Monday. " + " ".join(f"word{n}" for n in range(60))
    file = write_lines(
        tmp_path / "f",
        make_report(id="same", source="a", text=long),
        make_report(id="same", source="a", text=long),
        make_report(id="copy", source="b", text=long[:-40], published_at="2018-09-18T10:00:00Z"),
        make_report(id="same", source="a", text=long, version=1, status="withdrawn"),
        make_report(id=..., source="c", url="https://c.example", text="Quite another matter."),
        make_report(id=5),
        make_report(id="old", published_at="2018-09-01T00:00:00Z"),
    )
    with open(file, "ab") as stream:  # noqa: PTH123 - appends to what was just written
        stream.write(b"not json\n")
    result = call("dedup", file)
    answers = answers_of(result)
    assert result.exit_code == 3
    assert all(a.keys() == {"id", "report_id", "verdict", "duplicate_of", "similarity"} for a in answers)
    assert [(a["id"], a["verdict"], a["duplicate_of"]) for a in answers] == [
        ("same", "superseded", None),
        ("same", "superseded", None),
        ("copy", "duplicate", "same"),
        ("same", "unique", None),
        ("https://c.example", "unique", None),
        (5, "rejected", None),
        ("old", "rejected", None),
        (None, "rejected", None),
    ]
    assert [a["report_id"] is None for a in answers] == [False] * 5 + [True] * 3
    assert 0.5 < answers[2]["similarity"] <= 1


def test_lint_answers_every_line_that_is_not_blank_under_its_number() -> None:
    good, huge = encode(make_report()), encode(make_report(text="x" * 3_000_000))
    result = call(
        "lint", "-", stdin=b"\xef\xbb\xbf" + b"\n".join([good, b"", b" \t", huge, good + b"\r", b"", b"{}", good])
    )
    answers = answers_of(result)
    assert result.exit_code == 3
    assert [(a["line"], a["verdict"], a["code"]) for a in answers] == [
        (1, "accept", None),
        (4, "reject", "too_large"),
        (5, "accept", None),
        (7, "reject", "missing_field"),
        (8, "accept", None),
    ]
    assert all(answer.keys() - {"remedy"} == FIVE for answer in answers)


def test_lint_of_good_reports_succeeds() -> None:
    result = call("lint", DEMO)
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(
        answer == {"line": n, "verdict": "accept", "code": None, "detail": None, "field": None}
        for n, answer in enumerate(answers_of(result), 1)
    )


def test_resolving_one_phrase_tells_who_and_a_batch_tells_of_each_line() -> None:
    (one,) = answers_of(call("actors", "resolve", "Hezbollah"))
    assert one.keys() == {"actor", "country", "sector", "name", "mention"}
    assert one["actor"] == "HEZ"
    unknown = call("actors", "resolve", "zzz")
    assert (unknown.exit_code, len(unknown.stderr.splitlines())) == (1, 1)
    raw = (
        b'{"id": 1, "text": "Moscow"}\nnull\n{"text": 5}\n{"id": 2, "text": "Moscow", "on": "someday"}\n{"text": "zzz"}'
    )
    batch = call("actors", "resolve", "--batch", "-", stdin=raw)
    assert (batch.exit_code, answers_of(batch)) == (3, [{"id": 1, "actor": "RUS"}, {"id": None, "actor": None}])
    assert [line.split(":")[1] for line in batch.stderr.splitlines()] == ["2", "3", "4"]


@pytest.mark.parametrize("format_", ["table", "json"])
def test_config_shows_every_setting_and_nothing_else_of_the_environment(
    format_: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENSIONWIRE_PASSWORD", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3")
    monkeypatch.setenv("TENSIONWIRE_BATCH_RECORDS", "77")
    result = call("config", "show", "--format", format_)
    assert result.exit_code == 0
    assert "hunter" not in result.stdout
    for name in Settings.model_fields:
        assert f"TENSIONWIRE_{name.upper()}" in result.stdout
    assert "77" in result.stdout
    if format_ == "json":
        rows = json.loads(result.stdout)["settings"]
        assert all(row.keys() == {"variable", "value", "origin", "description"} for row in rows)


USAGE = [
    ("nonsense",),
    ("fold",),
    ("lint",),
    ("fold", DEMO, "--format", "xml"),
    ("fold", DEMO, "--as-of", "2018-09-18T12:00:00"),
    ("actors", "nonsense"),
    ("actors", "resolve"),
    ("actors", "resolve", "Moscow", "--batch", "-"),
    ("actors", "resolve", "Moscow", "--on", "someday"),
    ("replay",),
    ("code", DEMO, "--nonsense"),
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


@pytest.mark.parametrize("verb", ["fold", "code", "dedup", "lint", "code --given-pairs", "actors resolve --batch"])
def test_unreadable_file_ends_with_2_and_one_line(verb: str, tmp_path: Path) -> None:
    result = run(*verb.split(), str(tmp_path))
    assert (result.returncode, result.stdout) == (2, b"")
    assert (
        result.stderr.decode()
        == f"tensionwire: {tmp_path}: Is a directory; give a readable file of one JSON report a line\n"
    )


@pytest.mark.parametrize("verb", ["lint", "fold --format json"])
def test_file_may_be_a_pipe(verb: str, tmp_path: Path) -> None:
    pipe, raw = tmp_path / "pipe", encode(make_report()) + b"\n"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(raw,), daemon=True)
    writer.start()
    result = run(*verb.split(), str(pipe))
    writer.join(10)
    assert "Traceback" not in result.stderr.decode()
    assert (result.returncode, result.stdout) == (0, run(*verb.split(), "-", stdin=raw).stdout)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full, which is Linux's; run on Linux")  # noqa: PTH110
def test_full_disk_ends_with_1_and_one_line() -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        command = [sys.executable, "-m", "streams", "lint", DEMO]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert b"No space left on device" in result.stderr


def test_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "code", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, complaints = process.communicate(b"\n".join(make_history(100, seed=8, days=5).raws), timeout=60)
    assert (process.returncode, complaints) == (0, b"")


def verbs(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    """Return the paths of a command and all below it."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    children = ((name, command.get_command(context, name)) for name in command.list_commands(context))
    return [path, *(found for name, child in children if child is not None for found in verbs(child, *path, name))]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_of_every_verb_shows_an_example_of_it_and_its_exit_codes(option: str) -> None:
    paths = verbs(cli)
    assert {("fold",), ("actors", "resolve"), ("config", "show"), ("topics", "diff"), ("feed", "file")} <= set(paths)
    for path in paths:
        result = call(*path, option)
        assert result.exit_code == 0
        assert "Example: " in result.stdout, path
        if not path or path not in {longer[:1] for longer in paths if len(longer) > 1}:
            assert "Exit" in result.stdout, path
            assert f"tensionwire {' '.join(path)}".rstrip() in result.stdout, path
