"""Pacing on a clock of the test: a steady rate, a replay by published_at, no sleeping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.pacing import MAX_GAP_SECONDS, Pace, Rate, Speedup

START = datetime(2018, 9, 18, tzinfo=UTC)


def replay(pace: Pace, published: list[datetime], *, cost: float = 0.0) -> list[float]:
    """Return when each report is sent by a sender that waits as told and needs `cost` seconds a report."""
    now, sent = 100.0, []
    for moment in published:
        now = max(now, pace.due(moment, now))
        sent.append(now - 100.0)
        now += cost
    return sent


def test_a_rate_is_evenly_spaced() -> None:
    assert replay(Rate(4), [START] * 5) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_what_sending_costs_does_not_lower_the_rate() -> None:
    assert replay(Rate(4), [START] * 5, cost=0.2) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_stall_is_caught_up_by_one_second_at_most() -> None:
    pace = Rate(10)
    assert pace.due(START, 0.0) == 0.0
    at_once = [due for _ in range(30) if (due := pace.due(START, 60.0)) <= 60.0]
    assert 10 <= len(at_once) <= 11


def test_a_speedup_of_3600_replays_an_hour_a_second() -> None:
    published = [START + timedelta(hours=hours) for hours in (0, 1, 3, 3.5)]
    assert replay(Speedup(3600), published) == [0.0, 1.0, 3.0, 3.5]


def test_a_long_silence_is_cut_to_the_largest_gap() -> None:
    published = [START, START + timedelta(days=30), START + timedelta(days=30, hours=1)]
    assert replay(Speedup(3600), published) == [0.0, MAX_GAP_SECONDS, MAX_GAP_SECONDS + 1.0]


def test_a_report_out_of_order_goes_at_once_and_delays_nothing() -> None:
    published = [START + timedelta(hours=hours) for hours in (0, 5, 1, 6)]
    assert replay(Speedup(3600), published) == [0.0, 5.0, 5.0, 6.0]


@given(st.lists(st.integers(-10_000, 10_000_000), max_size=30), st.floats(0.1, 1e6))
def test_moments_never_go_back_and_no_gap_is_over_the_limit(offsets: list[int], factor: float) -> None:
    sent = replay(Speedup(factor), [START + timedelta(seconds=offset) for offset in offsets])
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert all(0 <= gap <= MAX_GAP_SECONDS + 1e-6 for gap in gaps)
