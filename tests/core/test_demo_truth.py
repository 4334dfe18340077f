"""The sample reports against what a reader without knowledge of the coder reads out of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest

from streams.cli.lines import ReportLines
from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import coder_of
from streams.core.dedup import DedupState, Verdict, decide
from streams.core.fold import Fold
from streams.core.identity import report_id
from streams.core.models import CodedEvent, Report

SAMPLE = files("streams") / "data" / "demo"


@dataclass
class Folded:
    pipeline: Fold
    events: list[CodedEvent]
    verdicts: dict[str, Verdict]

    def triples(self) -> set[tuple[str, str, str]]:
        return {(event.source_actor.id, event.target_actor.id, event.plover) for event in self.events}


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return tomllib.loads((SAMPLE / "expected.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def folded() -> Folded:
    codebook = load_codebook()
    lines = ReportLines((str(SAMPLE / "reports.ndjson"),))
    newest: dict[str, CodedEvent] = {}

    def keep(event: CodedEvent) -> None:
        newest[event.event_id] = event

    pipeline = Fold(coder_of(codebook), codebook.version, lines.report, keep)
    state, verdicts = DedupState(), dict[str, Verdict]()
    for seq, place in enumerate(lines):
        assert isinstance(place.report, Report)
        pipeline.push(place.report, seq=seq)
        decision = decide(state, place.report, seq=seq)
        verdicts.update(decision.verdicts)
        for write in decision.writes:
            state.apply(write)
    lines.close()
    return Folded(pipeline, [event for event in newest.values() if not event.retracted], verdicts)


def test_first_actors_stand_in_the_expected_order(truth: dict[str, Any], folded: Folded) -> None:
    ledger, newest = folded.pipeline.ledger, folded.pipeline.newest
    assert newest is not None
    rows = [tension.actor_row(ledger, actor, newest, {}) for actor in tension.actors(ledger)]
    ranked = [row.actor for row in sorted(rows, key=lambda row: -row.tension)]
    assert ranked[: len(truth["first_actors"])] == truth["first_actors"]


def test_most_expected_events_are_read(truth: dict[str, Any], folded: Folded) -> None:
    expected = {(item["source"], item["target"], item["plover"]) for item in truth["expected"]}
    found = expected & folded.triples()
    assert len(found) >= 0.85 * len(expected), sorted(expected - found)


def test_no_forbidden_event_stands(truth: dict[str, Any], folded: Folded) -> None:
    forbidden = {(item["source"], item["target"], item["plover"]) for item in truth["forbidden"]}
    assert len(forbidden) >= 10
    assert not forbidden & folded.triples()


def test_copies_are_found_and_independent_accounts_are_kept_apart(truth: dict[str, Any], folded: Folded) -> None:
    def key(item: dict[str, str]) -> str:
        return report_id(item["source"], item["id"])

    for pair in truth["duplicate"]:
        verdict = folded.verdicts[key(pair["report"])]
        assert (verdict.state, verdict.duplicate_of) == ("duplicate", key(pair["of"])), pair
    for pair in truth["independent"]:
        assert {folded.verdicts[key(pair[side])].state for side in ("a", "b")} == {"unique"}, pair


def test_explanation_leads_to_the_expected_sentence(truth: dict[str, Any], folded: Folded) -> None:
    actor, sentence = truth["explain"]["actor"], truth["explain"]["sentence"]
    texts = {event.text for event in folded.events if actor in (event.source_actor.id, event.target_actor.id)}
    assert sentence in texts
