"""`tensionwire schema` as people and tools call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streams.contract.folder import current_schemas, release, write
from streams.contract.topics import CONTRACTS

if TYPE_CHECKING:
    from pathlib import Path

WIDE = {**os.environ, "COLUMNS": "200"}


def schema(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streams", "schema", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=WIDE, timeout=60)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Return a folder of schemas with one release, which the models fit."""
    write(tmp_path)
    (tmp_path / "golden").mkdir()
    release(tmp_path, "0.9.0")
    return tmp_path


def test_show_lists_the_topics_for_machines_when_its_output_is_no_terminal() -> None:
    result = schema("show")
    assert result.returncode == 0
    assert [json.loads(line)["topic"] for line in result.stdout.splitlines()] == list(CONTRACTS)


@pytest.mark.parametrize("topic", ["events.coded", "events.coded.v1", "tensionwire.events.coded.v1"])
def test_show_prints_the_schema_of_a_topic_by_any_of_its_names(topic: str) -> None:
    assert json.loads(schema("show", topic).stdout) == current_schemas()["events.coded.v1"]


def test_show_needs_no_checkout(tmp_path: Path) -> None:
    assert json.loads(schema("show", "tension.actors", "--format", "json", cwd=tmp_path).stdout)["title"]


def test_table_names_every_field_with_its_type_range_and_meaning() -> None:
    result = schema("show", "tension.actors", "--format", "table")
    assert result.returncode == 0
    for expected in ("tension", "number", "0..100", "windows.24h.events", "top_dyads[].dyad", "Goldstein points"):
        assert expected in result.stdout
    union = schema("show", "reports.unique", "--format", "table").stdout
    assert "ReportState" in union
    assert "Tick" in union


def test_unknown_topic_is_one_line_with_the_known_ones() -> None:
    result = schema("show", "events\x1b[31m")
    assert (result.returncode, result.stdout) == (2, "")
    assert "events.coded" in result.stderr
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_compat_is_silent_on_standard_output_if_nothing_breaks(released: Path) -> None:
    result = schema("compat", "--schemas", str(released))
    assert (result.returncode, result.stdout) == (0, "")
    assert "0.9.0" in result.stderr


def test_compat_names_place_change_and_remedy(released: Path) -> None:
    path = released / "released" / "0.9.0" / "events.coded.v1.json"
    old = json.loads(path.read_bytes())
    old["properties"]["goldstein"]["maximum"] = 9
    old["properties"]["lost"] = {"type": "string"}
    path.write_text(json.dumps(old), "utf-8")
    result = schema("compat", "--against", "0.9.0", "--schemas", str(released))
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(
        "0.9.0: events.coded.v1.json#/properties/goldstein/maximum: maximum widened from 9 to 10;"
    )
    assert lines[1].startswith("0.9.0: events.coded.v1.json#/properties/lost: property 'lost' removed or renamed;")


@pytest.mark.parametrize("arguments", [("--against", "7.7.7"), ("--against", "../..")])
def test_compat_without_that_release_says_which_there_are(released: Path, arguments: tuple[str, ...]) -> None:
    result = schema("compat", "--schemas", str(released), *arguments)
    assert result.returncode == 2
    assert "0.9.0" in result.stderr


def test_compat_without_any_release_says_where_it_looked(tmp_path: Path) -> None:
    result = schema("compat", "--schemas", str(tmp_path / "none"))
    assert result.returncode == 2
    assert "none" in result.stderr
    assert "--schemas" in result.stderr
