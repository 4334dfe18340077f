"""What `actor` and `dyad` show for given rows."""

from __future__ import annotations

import io
import unicodedata
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rows import NOW, make_dyad, make_row

from streams.cli.cards import actor_card, dyad_card


def painted(card: RenderableType, width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, color_system=None).print(card)
    return out.getvalue()


def test_an_actors_card_has_its_number_its_days_its_windows_and_its_dyads() -> None:
    row = make_row("SYR", names={"SYR": "Syria"})
    text = painted(actor_card(row, [make_dyad("SYR", "TUR")], [make_dyad("ISR", "SYR")]))
    assert f"SYR  Syria  tension {row.tension:.1f}" in text
    assert f"09-19 {row.history[5]:.1f}, 09-20 {row.history[6]:.1f}, now {row.tension:.1f}" in text
    assert "since 09-14 00:00" in text
    assert "usual: not known yet" in text
    assert [line.split()[:2] for line in text.split("\n") if line.startswith(("24 h", "7 d ", "30 d"))] == [
        ["24", "h"],
        ["7", "d"],
        ["30", "d"],
    ]
    does, _, suffers = text.partition("what is done to SYR")
    assert "SYR>TUR" in does
    assert "ISR>SYR" in suffers


def test_quad_classes_are_numbers_with_bars() -> None:
    text = painted(actor_card(make_row("SYR"), [], []))
    month = next(line for line in text.split("\n") if line.startswith("30 d"))
    assert month.split() == ["30", "d", "1", "1", "-9.0", "0", "0", "0", "1", "████"]


def test_a_silent_side_is_said_and_not_left_blank() -> None:
    assert "what SYR does: nothing in 30 days" in painted(actor_card(make_row("SYR"), [], []))


def test_a_pair_stands_side_by_side() -> None:
    there, back = make_dyad("ISR", "SYR"), make_dyad("SYR", "ISR", goldstein=-2.0, plover="ACCUSE")
    lines = painted(dyad_card([there, back], [[], []])).split("\n")
    assert lines[0].split() == ["ISR>SYR", "SYR>ISR"]
    tension = next(line for line in lines if line.startswith("tension"))
    assert tension.split() == ["tension", f"{there.tension:.1f}", f"{back.tension:.1f}"]


hostile = st.text(st.one_of(st.characters(), st.sampled_from("\x1b[31m\x07\r\n\t\x9b\u202e")), max_size=60)


@given(name=hostile, width=st.integers(80, 160))
def test_no_name_can_control_the_terminal_or_break_the_width(name: str, width: int) -> None:
    row = make_row("SYR", names={"SYR": name}, published_at=NOW - timedelta(hours=1), day=NOW.date())
    text = painted(actor_card(row, [make_dyad("SYR", "TUR")], []), width)
    assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}]
    assert "\u202e" not in text
    assert all(cell_len(line) <= width for line in text.split("\n"))
