"""Thirty reports on Syria against what a reader without knowledge of the coder reads out of them, line by line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sample import FoldedSample, fold_sample

from streams.core.identity import report_id

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "syria-2018"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return tomllib.loads((SAMPLE / "expected.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def folded() -> FoldedSample:
    return fold_sample(SAMPLE / "reports.ndjson")


def test_first_actors_stand_in_the_expected_order(truth: dict[str, Any], folded: FoldedSample) -> None:
    newest = folded.pipeline.newest
    assert newest is not None
    ranked = folded.ranking(newest)
    assert ranked[: len(truth["first_actors"])] == truth["first_actors"]


def test_most_expected_events_are_read(truth: dict[str, Any], folded: FoldedSample) -> None:
    expected = {(item["source"], item["target"], item["plover"]) for item in truth["expected"]}
    found = expected & folded.triples()
    assert len(found) >= 0.85 * len(expected), sorted(expected - found)


def test_no_forbidden_event_stands(truth: dict[str, Any], folded: FoldedSample) -> None:
    forbidden = {(item["source"], item["target"], item["plover"]) for item in truth["forbidden"]}
    assert len(forbidden) >= 10
    assert not forbidden & folded.triples()


def test_copies_are_found_and_independent_accounts_are_kept_apart(truth: dict[str, Any], folded: FoldedSample) -> None:
    def key(item: dict[str, str]) -> str:
        return report_id(item["source"], item["id"])

    for pair in truth["duplicate"]:
        verdict = folded.verdicts[key(pair["report"])]
        assert (verdict.state, verdict.duplicate_of) == ("duplicate", key(pair["of"])), pair
    for pair in truth["independent"]:
        assert {folded.verdicts[key(pair[side])].state for side in ("a", "b")} == {"unique"}, pair


def test_explanation_leads_to_the_expected_sentence(truth: dict[str, Any], folded: FoldedSample) -> None:
    actor, sentence = truth["explain"]["actor"], truth["explain"]["sentence"]
    texts = {event.text for event in folded.events if actor in (event.source_actor.id, event.target_actor.id)}
    assert sentence in texts
