"""`where` expressions: what they select, what they refuse and where, and that nothing gets out of a message."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from published import make_dyad_row, make_event, make_row

from streams.client import FilterError, RawRecord
from streams.client.fields import fields_of
from streams.client.filters import MAX_LENGTH, compile_filter
from streams.client.messages import TOPICS
from streams.core.models import ActorRef, Tick

EVENT = make_event()


def holds(expression: str, value: Any = EVENT, topic: str = "events.coded") -> bool:
    return compile_filter(expression, topic)(value)


@pytest.mark.parametrize(
    "expression",
    [
        'goldstein < -5 and source_actor.id == "RUS"',
        'plover in ("ASSAULT", "THREATEN") and not retracted',
        '"Idlib" in text',
        '"idlib" in lower(text)',
        "-10 <= goldstein < 0",
        "abs(goldstein) * confidence > 8",
        'source == "RUS" and target == "SYR" and dyad == "RUS>SYR"',
        'actor == "SYR" and actor == "RUS"',
        'actor in ("SYR", "USA")',
        'occurred_on == "2018-09-17"',
        'published_at >= "2018-09-18T09:00:00+03:00"',
        "source_actor.sector is None and target_actor.sector is not None",
        'len(text) > 5 or text == ""',
    ],
)
def test_expression_selects_the_event(expression: str) -> None:
    assert holds(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "goldstein > -5",
        'actor != "SYR"',
        'actor not in ("SYR", "USA")',
        'published_at < "2018-09-18T09:00:00+03:00"',
        "goldstein / 0 > 1",
    ],
)
def test_expression_leaves_the_event_out(expression: str) -> None:
    assert not holds(expression)


@pytest.mark.parametrize("comparison", ['== "MIL"', '!= "MIL"', '< "MIL"', 'in ("MIL",)', 'not in ("MIL",)'])
def test_null_field_compares_false_and_never_fails(comparison: str) -> None:
    assert not holds(f"source_actor.sector {comparison}")
    assert not holds(f"lower(source_actor.sector) {comparison}")


def test_null_in_a_row_is_no_match_even_below_a_null_object() -> None:
    row = make_row(baseline=None, change=None)
    assert not holds("change > 0", row, "tension.actors")
    assert not holds("baseline.median + 1 > 0", row, "tension.actors")
    assert holds("baseline is None and windows.week.events == 1", row, "tension.actors")


def test_rows_and_raw_reports_can_be_selected_by_their_own_fields() -> None:
    assert holds("tension > 49", make_row(tension=50.0), "tension.actors")
    assert holds('actor == "SYR" and source == "RUS"', make_dyad_row(), "tension.dyads")
    raw = RawRecord(raw=b"", fields={"source": "a", "version": 2})
    assert holds('source == "a" and version > 1', raw, "reports.raw")
    assert not holds("version > 1", RawRecord(raw=b"", fields={"version": "two"}), "reports.raw")
    assert not holds("version > 1", RawRecord(raw=b"no json", fields={}), "reports.raw")
    tick = Tick(language="en", watermark=EVENT.published_at)
    assert holds('kind == "tick"', tick, "reports.unique")
    assert not holds('state == "unique"', tick, "reports.unique")


def test_tombstones_never_match() -> None:
    assert not holds("not (tension > 50)", None, "tension.actors")


def test_retraction_reaches_who_chose_the_event_by_its_lost_text() -> None:
    retraction = make_event(text="", retracted=True)
    assert holds('"Idlib" in text', retraction)
    assert holds('not ("Idlib" in text)', retraction)
    assert holds('"idlib" in lower(text) and len(text) > 5', retraction)
    assert not holds('"Idlib" in text and not retracted', retraction)
    assert not holds('"Idlib" in text and source == "USA"', retraction)


@pytest.mark.parametrize(
    ("expression", "column", "says"),
    [
        ("goldstien < 3", 0, "did you mean goldstein"),
        ('source == "RUS" and tension > 5', 20, "no field `tension`"),
        ('goldstein < "5"', 12, "a number cannot be compared with text"),
        ('text.__class__ == "a"', 0, "no field"),
        ("9 ** 9 ** 9 > 1", 5, "** is not allowed"),
        ("text", 0, "compare it with something"),
        ('text.format("x") == "x"', 0, "the functions are len, lower, abs"),
        ('published_at > "soon"', 15, "write the moment as"),
        ("event_id == None", 12, "is None"),
        ("a b", 2, "cannot be read"),
        ("[x for x in text] == text", 0, "not allowed"),
    ],
)
def test_bad_expression_is_refused_before_reading_with_its_place(expression: str, column: int, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression, "events.coded")
    assert says in str(caught.value)
    assert caught.value.pointer.splitlines()[1] == " " * caught.value.column + "^"
    assert caught.value.column == column or "**" in expression


def test_letters_of_several_bytes_do_not_move_the_pointer() -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter('text == "Größe" and nope > 1', "events.coded")
    assert caught.value.column == len('text == "Größe" and ')


@pytest.mark.parametrize("expression", ["not " * 200 + "retracted", "(" * 400, "x" * (MAX_LENGTH + 1), "\x00", ""])
def test_monstrous_expression_is_refused(expression: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(expression, "events.coded")


_ATOMS = st.sampled_from(
    'text goldstein retracted __class__ text.__class__ text.mro().x goldstein.real source_actor.__dict__ "a" 9 '
    "999999999 1e308 None True () [text] {1} lambda:0 print len lower abs __import__('os') len(text) [x for x in text] "
    "f'{text}' text[0] (goldstein:=1) await x *text".split(" ")
)
_BETWEEN = st.sampled_from(
    " + | - | * | / | ** | // | % | << | == | < | in | is | and | or | if | .|(|)|[|,| not ".split("|")
)


@given(st.lists(st.tuples(_ATOMS, _BETWEEN), min_size=1, max_size=12).map(lambda ps: "".join(a + b for a, b in ps)))
@example('text.__class__.__mro__[1].__subclasses__() == "x"')
@example("text * 999999999 == text")
@example("9" * 900 + "*" + "9" * 90 + " > goldstein")
@example('len("a" * 10) > 1')
@example("().__class__ == 1 or retracted")
def test_no_expression_gets_out_of_the_message_or_runs_long(expression: str) -> None:
    began = time.monotonic()
    try:
        answer = holds(expression)
    except FilterError:
        pass
    else:
        assert answer in {True, False}
        assert "__" not in expression.replace('"', "")
    assert time.monotonic() - began < 1.0


@given(st.text(max_size=60))
def test_any_text_is_either_a_filter_or_a_filter_error(expression: str) -> None:
    with suppress(FilterError):
        compile_filter(expression, "events.coded")


def test_every_topic_with_a_contract_has_fields_to_name() -> None:
    assert {topic for topic in TOPICS if not fields_of(topic)} == {"tension.alerts"}
    assert holds("anything.at.all == 1", {"anything": {"at": {"all": 1}}}, "tension.alerts")
    with pytest.raises(FilterError):
        compile_filter("__class__ == 1", "tension.alerts")


def test_mention_can_only_be_asked_for_null() -> None:
    assert holds("target_actor.mention is None and source_actor.mention is not None")
    assert not holds("source_actor.mention is not None", make_event(source_actor=ActorRef(id="RUS")))
