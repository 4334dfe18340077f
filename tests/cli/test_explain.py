"""Explanations for given ledgers: the weights add up, the words are marked and harmless."""

from __future__ import annotations

import io
import unicodedata
from datetime import UTC, date, datetime, timedelta
from math import fsum

from histories import make_history
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType
from rich.tree import Tree
from rows import NOW, make_contributions, make_state

from streams.cli.evidence import GroupSeen, Ledger, groups_of, sums_of
from streams.cli.explaining import group_line
from streams.cli.reports import Copy, ReportSeen, Version
from streams.cli.scanning import partition_of
from streams.cli.words import actor_line, add_report, sentence
from streams.codebook import load_codebook
from streams.core.classify import coder_of
from streams.core.fold import Fold
from streams.core.identity import event_id
from streams.core.models import ActorRef, CodedEvent, Report
from streams.core.reports import admit_report
from streams.core.tension import DEFAULT_SETTINGS, actor_row, actors
from streams.worker.stages import partition_of as partition_of_worker


def painted(content: RenderableType, *, colours: bool = False) -> str:
    out = io.StringIO()
    Console(
        file=out, width=200, highlight=False, force_terminal=colours, color_system="standard" if colours else None
    ).print(content)
    return out.getvalue()


def held(state: object) -> Ledger:
    return Ledger(state, {key: f"ledger[0]@{n}" for n, (key, _) in enumerate(state.items())})  # type: ignore[arg-type, attr-defined]


def folded() -> Fold:
    codebook = load_codebook()

    def reread(seq: int) -> Report:
        return admit_report(raws[seq], ingested_at=datetime(2026, 1, 1, tzinfo=UTC))

    raws = make_history(300, seed=3).raws
    pipeline = Fold(coder_of(codebook), codebook.version, reread)
    for seq in range(len(raws)):
        pipeline.push(reread(seq), seq=seq)
    return pipeline


def test_the_groups_of_every_actor_add_up_to_its_row() -> None:
    pipeline = folded()
    assert pipeline.newest is not None
    ledger = held(pipeline.ledger)
    assert len(actors(pipeline.ledger)) > 20
    for as_of in (pipeline.newest, pipeline.newest - timedelta(days=3), pipeline.newest + timedelta(days=27)):
        for actor in actors(pipeline.ledger):
            row = actor_row(pipeline.ledger, actor, as_of, {})
            sums = sums_of(groups_of(ledger, actor, as_of, DEFAULT_SETTINGS), DEFAULT_SETTINGS)
            assert abs(sums.conflict - row.conflict) <= 1e-6
            assert abs(sums.cooperation - row.cooperation) <= 1e-6
            assert abs(sums.pressure - row.pressure) <= 1e-6
            assert abs(sums.tension - row.tension) <= 1e-6


def test_a_reader_can_recompute_each_weight_from_its_factors() -> None:
    three = [make_contributions(report_id=f"r{n}", outlet=f"outlet-{n % 2}", seq=n) for n in range(3)]
    state = make_state(*(contribution for pair in three for contribution in pair))
    (group,) = groups_of(held(state), "SYR", NOW, DEFAULT_SETTINGS)
    assert group.outlets == ("outlet-0", "outlet-1")
    assert len(group.registers) == 3
    assert group.corroboration == 1.25
    assert abs(group.goldstein * group.corroboration * group.confidence * group.decay - group.weight) < 1e-12
    assert abs(2 ** -(group.age_days / 7) - group.decay) < 1e-12
    text = painted(group_line(group))
    assert "= -9 * 1.2500 (n=2: outlet-0, outlet-1) * 0.9 * " in text


def test_what_is_too_old_or_taken_back_is_no_evidence() -> None:
    old = make_contributions(day=date(2018, 8, 20), published_at=datetime(2018, 8, 20, tzinfo=UTC))
    gone = make_contributions(report_id="r2", present=False)
    assert groups_of(held(make_state(*old, *gone)), "SYR", NOW, DEFAULT_SETTINGS) == []


def test_groups_come_heaviest_first() -> None:
    parts = [
        make_contributions(report_id=f"r{n}", plover=plover, goldstein=value)
        for n, plover, value in ((1, "ACCUSE", -2.0), (2, "ASSAULT", -10.0), (3, "AID", 7.0))
    ]
    state = make_state(*(contribution for pair in parts for contribution in pair))
    weights = [group.weight for group in groups_of(held(state), "ISR", NOW, DEFAULT_SETTINGS)]
    assert weights == sorted(weights, key=abs, reverse=True)
    assert fsum(weights) < 0


def make_event(text: str, source: tuple[int, int] | None, target: tuple[int, int] | None, start: int = 0) -> CodedEvent:
    return CodedEvent(
        event_id=event_id("r1", "ISR", "SYR", "ASSAULT", date(2018, 9, 18), 0),
        report_id="r1",
        rev="1",
        seq=1,
        sentence=1,
        span=(start, start + len(text)),
        text=text,
        source_actor=ActorRef(id="ISR", sector="MIL", mention=source),
        target_actor=ActorRef(id="SYR", mention=target),
        plover="ASSAULT",
        mode="asserted",
        cameo="195",
        quad_class="material_conflict",
        goldstein=-10.0,
        confidence=0.9,
        occurred_on=date(2018, 9, 18),
        published_at=NOW,
        outlet="levant-wire",
        retracted=False,
        codebook_version="00000000",
    )


def test_mentions_are_marked_in_the_sentence_and_told_in_words() -> None:
    event = make_event("Israeli jets bombed Syrian sites.", (100, 112), (120, 126), start=100)
    marked = sentence(event)
    cut = [marked.plain[mark.start : mark.end] for mark in marked.spans]
    assert cut == ["Israeli jets", "Syrian"]
    assert actor_line(event) == 'source ISR MIL "Israeli jets", target SYR "Syrian"'


def test_a_mention_in_another_sentence_is_not_marked_here() -> None:
    event = make_event("It bombed Syrian sites.", (3, 9), (110, 116), start=100)
    assert len(sentence(event).spans) == 1
    assert actor_line(event) == 'source ISR MIL, target SYR "Syrian"'


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[31m\x07\r\x9b\u202e")), min_size=1, max_size=60))
def test_no_sentence_title_or_outlet_can_control_the_terminal(text: str) -> None:
    version = Version(
        report_id="r1",
        place="t[0]@1",
        raw="t[0]@0",
        rev="1",
        seq=0,
        state="unique",
        updated_at=NOW,
        outlet=text,
        title=text,
        url=text,
        published_at=NOW,
        language="en",
    )
    copy = Copy(report_id="r2", outlet=text, id=text, duplicate_of="r1", similarity=0.93, place="t[0]@2", raw="t[0]@3")
    tree = Tree(sentence(make_event(text, (0, len(text)), None)))
    add_report(tree, ReportSeen(version=version, copies=(copy,)), "ledger[0]@5")
    for colours in (False, True):
        shown = painted(tree, colours=colours)
        if not colours:
            assert not [c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cs"}]
        assert "\u202e" not in shown
        assert "1 copy not counted in n:" in shown


def test_a_dull_console_and_a_bright_one_say_the_same() -> None:
    group = GroupSeen(
        dyad="ISR>SYR",
        plover="ASSAULT",
        quad_class="material_conflict",
        day=date(2018, 9, 18),
        instant=NOW,
        goldstein=-10.0,
        outlets=("a",),
        corroboration=1.0,
        confidence=0.9,
        age_days=0.0,
        decay=1.0,
        weight=-9.0,
        event_ids=(),
        registers={},
    )
    assert painted(group_line(group)).startswith("-9.0000  ISR>SYR ASSAULT on 2018-09-18 = -10 * 1.0000 (n=1: a)")


def test_keys_are_looked_for_where_the_worker_puts_them() -> None:
    keys = ["RUS", "RUS>SYR", "5f932c93481635166259bb0076a361c3", "en", "агентство"]
    for count in (1, 2, 4, 13):
        assert [partition_of(key, count) for key in keys] == [partition_of_worker(key, count) for key in keys]
