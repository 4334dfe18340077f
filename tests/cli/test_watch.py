"""What `watch` shows for given rows, and how it ends without a broker."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rows import NOW, make_row, make_rows

from streams.cli.terminal import ago, plain, spark
from streams.cli.watching import Choice, Snapshot, as_json, change_of, choose, render
from streams.cli.who import NotFoundError, find_actor
from streams.core.tension import ActorRow

CLOCK = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVERYTHING = Choice()


def painted(
    snapshot: Snapshot, choice: Choice = EVERYTHING, *, width: int = 120, height: int | None = None, **console: Any
) -> str:
    """Return the picture as the terminal gets it; without colours unless `console` asks for them."""
    out = io.StringIO()
    screen = Console(file=out, width=width, highlight=False, **{"color_system": None, **console})
    screen.print(render(snapshot, choice, now=CLOCK, size=(width, height) if height else None, width=width))
    return out.getvalue()


def loaded(*rows: ActorRow, **changes: Any) -> Snapshot:
    return Snapshot(**{"rows": rows, "bootstrap": "kafka:9092", "loaded": True, "loaded_at": CLOCK, **changes})


hostile = st.text(st.one_of(st.characters(), st.sampled_from("\x1b[31m\x07\r\n\t\x9b\u202e\u2066\u200b")), max_size=60)


@given(name=hostile, width=st.integers(80, 200))
def test_no_name_can_control_the_terminal_or_break_the_width(name: str, width: int) -> None:
    for height in (None, 24):
        text = painted(loaded(make_row("XYZ", names={"XYZ": name}), make_row("SYR")), width=width, height=height)
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}]
        assert not set(text) & set("\u202e\u2066\u200b")
        assert all(cell_len(line) <= width for line in text.split("\n"))
        assert sum(line.startswith(("XYZ", "SYR")) for line in text.split("\n")) == 2


@given(hostile)
def test_plain_keeps_every_offset(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert "\x1b" not in plain(text)


def test_rows_are_sorted_by_tension_by_rise_or_by_events() -> None:
    rows = make_rows(30)
    tensions = [row.tension for row in choose(rows, Choice("tension"))]
    rises = [change_of(row) for row in choose(rows, Choice("change"))]
    counts = [row.windows.day.events for row in choose(rows, Choice("events"))]
    assert tensions == sorted(tensions, reverse=True)
    assert rises == sorted(rises, reverse=True)
    assert rises[0] > 0 > rises[-1]
    assert counts == sorted(counts, reverse=True)


def test_a_row_tells_its_change_by_sign_and_not_by_colour_alone() -> None:
    risen = make_row(published_at=NOW - timedelta(hours=3), day=NOW.date())
    text = painted(loaded(risen))
    assert f"▲ {risen.tension - risen.history[0]:>+5.1f}" in text
    fallen = make_row(published_at=NOW - timedelta(days=9), day=NOW.date() - timedelta(days=9))
    assert f"▼ {fallen.tension - fallen.history[0]:>+5.1f}" in painted(loaded(fallen))


def test_sparklines_of_all_rows_have_one_scale() -> None:
    assert spark([0, 3, 50, 100]) == "▁▁▅█"
    row = make_row()
    assert spark([*row.history, row.tension]) in painted(loaded(row))


def test_the_last_event_counts_from_the_rows_own_moment() -> None:
    row = make_row(published_at=NOW - timedelta(hours=3), day=NOW.date())
    assert "3 h ago" in painted(loaded(row))
    assert "3 h ago  09-20 09:00" in painted(loaded(row), width=140)
    assert ago(NOW - timedelta(seconds=5), NOW) == "5 s ago"


def test_a_row_that_lags_more_than_an_hour_shows_its_own_moment() -> None:
    newest, old = make_row("NEW"), make_row("OLD", as_of=NOW - timedelta(hours=2))
    lines = painted(loaded(newest, old)).split("\n")
    shown = {line[:3]: line.rstrip().endswith("09-20 10:00") for line in lines if line.startswith(("NEW", "OLD"))}
    assert shown == {"NEW": False, "OLD": True}
    assert "row as of" not in painted(loaded(newest, make_row("OLD", as_of=NOW - timedelta(minutes=59))))


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (Snapshot(bootstrap="kafka:9092"), "reading from kafka:9092"),
        (
            Snapshot(missing="x.tension.actors.v1", bootstrap="k"),
            "no topic x.tension.actors.v1; run `tensionwire topics",
        ),
        (loaded(), "no rows yet; is a worker running"),
        (
            loaded(make_row(), away_since=CLOCK - timedelta(seconds=9)),
            "no broker at kafka:9092 since 11:59:51 UTC (9 s",
        ),
        (loaded(make_row(), changed_at=CLOCK - timedelta(seconds=3)), "last change 3 s ago"),
        (loaded(make_row(), loaded_at=CLOCK - timedelta(minutes=7)), "quiet: no change since it was read, 7 min ago"),
    ],
)
def test_each_state_is_told_with_where_to_look(snapshot: Snapshot, says: str) -> None:
    assert says in painted(snapshot, height=24)


def test_a_picture_fits_the_screen_and_says_what_it_leaves_out() -> None:
    text = painted(loaded(*make_rows(100)), width=80, height=24)
    assert len(text.rstrip("\n").split("\n")) <= 24
    assert "... and 81 more" in text
    assert "q quits" in text
    assert "... and 95 more; --top N" in painted(loaded(*make_rows(100)), Choice(top=5))


def test_no_color_leaves_no_escape_sequence_but_the_same_text() -> None:
    rows = loaded(*make_rows(3))
    coloured = painted(rows, color_system="standard", force_terminal=True)
    plain_text = painted(rows, color_system="standard", force_terminal=True, no_color=True)
    assert "\x1b[3" in coloured
    assert "\x1b[3" not in plain_text


def test_json_holds_the_rows_as_they_are() -> None:
    rows = make_rows(5)
    result = as_json(loaded(*rows), Choice(actors=("A001", "A003")))
    assert (result["total"], result["as_of"]) == (5, NOW)
    assert msgspec.json.decode(msgspec.json.encode(result["actors"]), type=list[ActorRow]) == choose(
        rows, Choice(actors=("A001", "A003"))
    )
    assert len(as_json(loaded(*rows), Choice(top=2))["actors"]) == 2


def test_an_actor_is_found_by_id_name_or_what_the_catalogue_calls_it() -> None:
    names = {"RUS": "Russia", "PRK": "North Korea", "KOR": "South Korea", "HEZ": "Hezbollah"}
    asked = ("rus", "RUSSIA", "hezb", "north", "the Kremlin")
    assert [find_actor(text, names) for text in asked] == ["RUS", "RUS", "HEZ", "PRK", "RUS"]
    with pytest.raises(NotFoundError, match=r"may mean PRK \(North Korea\), KOR \(South Korea\); give the id"):
        find_actor("korea", names)
    with pytest.raises(NotFoundError, match=r"no such actor; nearest: RUS \(Russia\)"):
        find_actor("rusia", names)
    with pytest.raises(NotFoundError, match=r"no row of ISR .* no event of it"):
        find_actor("Tel Aviv", names)
    with pytest.raises(NotFoundError, match="no rows yet"):
        find_actor("RUS", {})


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("watch", "--once"), 1, "no broker at 127.0.0.1:1"),
        (("watch", "--interval", "0"), 2, "--interval"),
        (("actor", "RUS"), 1, "no broker at 127.0.0.1:1"),
        (("dyad", "RUS"), 2, "give two actors"),
        (("explain", "RUS"), 1, "no broker at 127.0.0.1:1"),
        (("explain", "RUS", "--as-of", "yesterday"), 2, "not RFC 3339"),
    ],
)
def test_each_mistake_is_one_line(arguments: tuple[str, ...], code: int, says: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "TENSIONWIRE_BOOTSTRAP": "127.0.0.1:1"},
    )
    lines = result.stderr.decode().strip().split("\n")
    assert (result.returncode, len(lines), result.stdout) == (code, 1, b"")
    assert says in lines[0]


def test_the_picture_for_the_docs_refers_to_nothing_outside_itself() -> None:
    path = Path(__file__).parents[2] / "docs" / "screenshot.py"
    spec = importlib.util.spec_from_file_location("screenshot", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = make_rows(20)
    svg = module.svg_of(rows)
    assert svg == module.svg_of(rows)
    assert re.findall(r"https?://[^\s\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in svg
    assert "and&#160;8&#160;more" in svg
