"""Which events stand after messages in any order, and what a subscriber may import."""

from __future__ import annotations

import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from published import make_event

from streams.client import EventsFold, newest_events

HISTORY = [
    make_event("a", rev="1", seq=1),
    make_event("a", rev="2", seq=5, goldstein=-5.0),
    make_event("a", rev="2", seq=9, retracted=True),
    make_event("b", rev="1", seq=2),
    make_event("b", rev="1", seq=3, retracted=True),
    make_event("b", rev="1", seq=4),
    make_event("c", rev="1", seq=7),
]


@given(st.permutations(HISTORY), st.lists(st.sampled_from(HISTORY)))
def test_same_events_stand_whatever_the_order_and_however_often(order: list[object], again: list[object]) -> None:
    standing = newest_events([*order, *again])  # type: ignore[list-item]  # permutations of events
    assert {key: event.seq for key, event in standing.items()} == {"b": 4, "c": 7}


def test_fold_tells_what_changed_and_hides_what_was_retracted() -> None:
    fold = EventsFold()
    assert [fold.push(event) for event in (HISTORY[2], HISTORY[0], HISTORY[2])] == [True, False, False]
    assert "a" not in fold
    assert len(fold) == 0
    assert fold.push(HISTORY[6])
    assert fold["c"].seq == 7
    assert list(fold) == [HISTORY[6]]


def test_client_is_importable_without_faust_settings_or_the_codebook() -> None:
    code = "import json, sys, streams.client, streams.client.filters; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "ignore", "-c", code]
    loaded = set(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))
    heavy = {"faust", "mode", "aiokafka", "pydantic", "pydantic_settings", "structlog", "rich", "click"}
    ours = {"streams.settings", "streams.codebook", "streams.worker", "streams.cli", "streams.core.classify"}
    assert loaded & (heavy | ours) == set()
