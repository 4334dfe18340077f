"""The sample crisis against its truth file, which was written from the reports alone, before the coder read them."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sample import FoldedSample, fold_sample

from streams.core.identity import report_id

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "crisis-2018"


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return tomllib.loads((SAMPLE / "truth.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def folded() -> FoldedSample:
    return fold_sample(SAMPLE / "reports.ndjson")


def id_of(place: dict[str, str]) -> str:
    return report_id(place["source"], place["id"])


def events_of(folded: FoldedSample) -> set[tuple[str, str, str, str]]:
    """Return (report, source, target, type) of what stands, and of what stands for a copy of that report."""
    return {(e.report_id, e.source_actor.id, e.target_actor.id, e.plover) for e in folded.events}


def named(item: dict[str, Any]) -> tuple[str, str, str, str]:
    return id_of(item["report"]), item["source"], item["target"], item["plover"]


def test_sample_is_as_large_and_as_varied_as_it_says(truth: dict[str, Any], folded: FoldedSample) -> None:
    assert len(folded.verdicts) >= 90
    assert len({event.outlet for event in folded.events}) >= 7
    assert len(truth["event"]) >= 90
    assert len(truth["forbidden"]) >= 20
    assert len(truth["day"]) == 4


def test_nine_of_ten_duplicates_are_found_and_nine_of_ten_found_are_duplicates(
    truth: dict[str, Any], folded: FoldedSample
) -> None:
    expected = {id_of(item["report"]): id_of(item["of"]) for item in truth["duplicate"]}
    found = {key: verdict.duplicate_of for key, verdict in folded.verdicts.items() if verdict.state == "duplicate"}
    right = {key for key, original in expected.items() if found.get(key) == original}
    assert len(right) >= 0.9 * len(expected), expected.keys() - right
    assert len(right) >= 0.9 * len(found), found.keys() - right


def test_independent_accounts_and_bulletins_are_kept_apart(truth: dict[str, Any], folded: FoldedSample) -> None:
    for pair in truth["independent"]:
        for one, other in (("a", "b"), ("b", "a")):
            assert folded.verdicts[id_of(pair[one])].duplicate_of != id_of(pair[other]), pair


def test_six_of_ten_key_events_are_read(truth: dict[str, Any], folded: FoldedSample) -> None:
    expected, found = [named(item) for item in truth["event"]], events_of(folded)
    read = [item for item in expected if item in found]
    missed = Counter(item[3] for item in expected if item not in found)
    assert len(read) >= 0.6 * len(expected), missed


def test_no_forbidden_event_stands(truth: dict[str, Any], folded: FoldedSample) -> None:
    assert not {named(item) for item in truth["forbidden"]} & events_of(folded)


@pytest.mark.parametrize("number", range(4))
def test_first_three_actors_of_the_day_stand_in_order(number: int, truth: dict[str, Any], folded: FoldedSample) -> None:
    day = truth["day"][number]
    ranked = folded.ranking(datetime.fromisoformat(day["as_of"]))
    assert ranked[:3] == day["first"]


def test_explanation_leads_to_the_expected_sentence(truth: dict[str, Any], folded: FoldedSample) -> None:
    actor, sentence = truth["explain"]["actor"], truth["explain"]["sentence"]
    texts = {event.text for event in folded.events if actor in (event.source_actor.id, event.target_actor.id)}
    assert sentence in texts
