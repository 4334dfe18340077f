"""The trigger lexicon: large, sorted, every entry at work in its own sentence; bad lines are told with their place."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from streams.codebook import load_codebook, load_shifters, load_triggers
from streams.core.errors import CodebookError
from streams.core.models import PLOVER_TYPES
from streams.core.trigger_check import check_triggers, reads_example
from streams.core.triggers import read_shifters, read_triggers

DATA = files("streams") / "data/coder"
CODEBOOK = load_codebook()
TRIGGERS = load_triggers()


def table(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / f"{name}.toml").read_text("utf-8"))


def problems(line: str) -> list[str]:
    return list(check_triggers({"ACCUSE": read_triggers("ACCUSE", line)}, CODEBOOK, table("forms"), table("grammar")))


def test_lexicon_has_thousands_of_entries_of_every_type() -> None:
    assert sum(map(len, TRIGGERS.values())) >= 4_000
    assert set(TRIGGERS) == set(PLOVER_TYPES)
    assert min(map(len, TRIGGERS.values())) >= 150


def test_every_entry_acts_in_its_own_sentence_and_stands_once_and_in_order() -> None:
    assert list(check_triggers(TRIGGERS, CODEBOOK, table("forms"), table("grammar"))) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "S accuse T of | 112 | - | [S Tehran] praised [T Riyadh].",
            "ACCUSE.psv:1: the frame does not read its example",
        ),
        ("S accuse T of | 112 | - | [T Tehran] accused [S Riyadh] of it.", "the frame does not read its example"),
        ("S accuse T of | 999 | - | [S Tehran] accused [T Riyadh] of it.", "CAMEO 999 has no value"),
    ],
)
def test_entry_that_is_wrong_about_itself_is_told(line: str, message: str) -> None:
    assert any(message in problem for problem in problems(line))


def test_entry_out_of_order_or_twice_is_told() -> None:
    line = "S blame T | 110 | - | [S Lima] blamed [T Quito]."
    found = problems(f"{line}\nS accuse T of | 112 | - | [S Oslo] accused [T Rome] of it.\n{line}")
    assert any("ACCUSE.psv:2: not in order" in problem for problem in found)
    assert any("ACCUSE.psv:3: the frame stands already at ACCUSE.psv:1" in problem for problem in found)
    assert any("ACCUSE.psv:3: the example stands already" in problem for problem in found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("S accuse T of | 112 | [S Tehran] accused [T Riyadh].", r"ACCUSE\.psv:1: 3 fields instead of 4"),
        ("S accuse T | 112 | loud | [S Tehran] accused [T Riyadh].", r"ACCUSE\.psv:1: flags 'loud'"),
        ("S accuse T | 112 | - | Tehran accused [T Riyadh].", r"ACCUSE\.psv:1: the example does not mark source"),
    ],
)
def test_line_that_cannot_be_read_is_refused_with_its_place(line: str, message: str) -> None:
    with pytest.raises(CodebookError, match=message):
        read_triggers("ACCUSE", line)


def test_passive_and_noun_of_action_are_read_by_the_same_entries() -> None:
    verb, noun = read_triggers(
        "ASSAULT",
        "S shell T | 190 | - | [T The town] was shelled by [S rebels].\n"
        "shelling of T | 190 | - | The shelling of [T Sarajevo] by [S Serb gunners] went on.",
    )
    assert reads_example(verb, CODEBOOK, table("forms"), table("grammar"))
    assert reads_example(noun, CODEBOOK, table("forms"), table("grammar"))


def test_shifters_cover_every_effect_and_bad_ones_are_refused() -> None:
    effects = {effect for shifter in load_shifters() for effect in shifter.effects}
    assert {"negated", "hypothetical", "threatened", "promised", "alleged", "historical"} <= effects
    assert any(">" in effect for effect in effects)
    with pytest.raises(CodebookError, match=r"shifters\.psv:1: effect 'softened'"):
        read_shifters("soften | softened | after | They softened [it].")


def test_triggers_and_actors_are_found_in_one_pass() -> None:
    forms, triggers = CODEBOOK.catalogue.scan("Tehran accused Riyadh of shelling a village.")
    assert [match.start for match in forms] == [0, 15]
    assert {match.start for match in triggers} >= {7, 25}
