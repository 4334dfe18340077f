"""The index: numbers computed by hand, and the laws that make rows a function of (ledger, as_of)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.decision import Write
from streams.core.errors import ConfigurationError
from streams.core.ledger import LedgerState, decide, decode_value
from streams.core.models import Contribution
from streams.core.tension import (
    ActorRow,
    DyadRow,
    TensionSettings,
    actor_balance,
    actor_row,
    actors,
    dyad_row,
    dyads,
)

if TYPE_CHECKING:
    import random

NOON = datetime(2018, 9, 18, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
ACTORS = ("ISR", "RUS", "SYR")
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "tension.md"


def make_contribution(**changes: Any) -> Contribution:
    """Any: the fields of a Contribution. Its day defaults to that of `published_at`, its report to its outlet."""
    fields: dict[str, Any] = {
        "actor": "RUS",
        "source": "SYR",
        "target": "RUS",
        "plover": "ASSAULT",
        "rev": "1",
        "seq": 1,
        "present": True,
        "goldstein": -10.0,
        "confidence": 1.0,
        "published_at": NOON,
        "updated_at": NOON,
        "outlet": "wire-a",
        "event_ids": ("e1",),
        **changes,
    }
    fields.setdefault("day", fields["published_at"].date())
    fields.setdefault("report_id", f"report of {fields['outlet']}")
    return Contribution(**fields)


def run(items: list[Contribution], state: LedgerState | None = None) -> LedgerState:
    state = LedgerState() if state is None else state
    for item in items:
        for write in decide(state, item).writes:
            state.apply(write)
    return state


def both_ledgers(*items: Contribution) -> list[Contribution]:
    """Address each contribution to the ledgers of its source and its target, as classification does."""
    return [
        msgspec.structs.replace(item, actor=actor) for item in items for actor in sorted({item.source, item.target})
    ]


def row(*items: Contribution, as_of: datetime = NOON) -> ActorRow:
    return actor_row(run(list(items)), "RUS", as_of, {"RUS": "Russia"})


def all_rows(state: LedgerState, as_of: datetime) -> list[ActorRow | DyadRow]:
    rows: list[ActorRow | DyadRow] = [actor_row(state, actor, as_of, {}) for actor in actors(state)]
    return rows + [dyad_row(state, source, target, as_of) for source, target in dyads(state)]


def rebuilt(state: LedgerState) -> LedgerState:
    """Carry the registers over the wire into a state that has derived nothing yet."""
    fresh = LedgerState()
    for key, entry in state.items():
        fresh.apply(Write(key, decode_value(key, msgspec.msgpack.encode(entry))))
    fresh.hour = state.hour
    return fresh


# --- numbers by hand ---


def test_one_fresh_event_of_minus_ten_is_pressure_ten_and_tension_twenty() -> None:
    fresh = row(make_contribution())
    # 10 * c(1) * 1 * 2^0 = 10; 100 * 10 / (10 + 40) = 20.
    assert (fresh.conflict, fresh.cooperation, fresh.pressure, fresh.tension) == (10.0, 0.0, 10.0, 20.0)
    assert (fresh.name, fresh.last_event, fresh.as_of, fresh.watermark) == ("Russia", NOON, NOON, NOON)


def test_after_one_half_life_half_is_left() -> None:
    # 10 / 2 = 5; 500 / 45 = 11.111111.
    week_old = row(make_contribution(), as_of=NOON + WEEK)
    assert (week_old.pressure, week_old.tension) == (5.0, 11.111111)


@pytest.mark.parametrize(("outlets", "pressure"), [(1, 10.0), (2, 12.5), (4, 15.0), (16, 20.0), (40, 20.0)])
def test_each_doubling_of_outlets_adds_a_quarter_up_to_twice(outlets: int, pressure: float) -> None:
    # c = 1 + log2(n) / 4: 1, 1.25, 1.5, 2; capped at 2.
    assert row(*(make_contribution(outlet=f"wire-{n}") for n in range(outlets))).pressure == pressure


def test_two_reports_of_one_outlet_do_not_corroborate() -> None:
    twice = row(make_contribution(report_id="r1"), make_contribution(report_id="r2"))
    assert (twice.pressure, twice.windows.day.events, twice.windows.day.reports) == (10.0, 1, 2)


@pytest.mark.parametrize(
    ("values", "median"), [((-10, -2), -10), ((-10, -2, -5), -5), ((-2, -10, -5, 1), -5), ((-9, 3), -9)]
)
def test_goldstein_of_a_group_is_the_lower_median(values: tuple[float, ...], median: float) -> None:
    told = [make_contribution(report_id=f"r{n}", goldstein=value) for n, value in enumerate(values)]
    assert row(*told).windows.day.goldstein_sum == median


def test_history_is_the_tension_at_the_last_seven_midnights_oldest_first() -> None:
    later = row(make_contribution(), as_of=NOON + timedelta(days=3))
    midnight = NOON.replace(hour=0)
    asked = [row(make_contribution(), as_of=midnight + timedelta(days=day)).tension for day in range(-3, 4)]
    assert later.history == tuple(asked)
    # Not yet heard of, then decaying: 10 * 2^(-0.5/7) = 9.516951 on the first midnight, 951.6951 / 49.516951.
    assert later.history[:4] == (0.0, 0.0, 0.0, 0.0)
    assert later.history[4] == 19.219583
    assert later.history[4] > later.history[5] > later.history[6] > later.tension


def test_confidence_of_a_group_is_its_maximum() -> None:
    # 10 * 0.75.
    told = (make_contribution(report_id="r1", confidence=0.25), make_contribution(report_id="r2", confidence=0.75))
    assert row(*told).pressure == 7.5


def test_instant_is_the_earliest_report_clamped_into_the_day() -> None:
    day = NOON.date()
    midnight = datetime(2018, 9, 18, tzinfo=UTC)
    before = make_contribution(day=day, published_at=NOON - timedelta(days=1))
    inside = make_contribution(day=day, report_id="r2")
    after = make_contribution(day=day, published_at=NOON + timedelta(days=3))
    next_week = NOON + WEEK
    assert row(before, inside, as_of=next_week).last_event == midnight
    assert row(after, inside, as_of=next_week).last_event == NOON
    assert row(after, as_of=next_week).last_event == midnight + timedelta(days=1, microseconds=-1)


def test_a_group_counts_from_its_instant_to_thirty_days_later_both_included() -> None:
    tick = timedelta(microseconds=1)
    event = make_contribution()
    last = NOON + timedelta(days=30)
    assert [row(event, as_of=at).pressure > 0 for at in (NOON - tick, NOON, last, last + tick)] == [
        False,
        True,
        True,
        False,
    ]
    assert row(event, as_of=last + tick).windows.month.events == 0


def test_of_a_day_on_an_edge_only_the_groups_inside_count() -> None:
    hour = timedelta(hours=1)
    edges = (NOON, NOON - timedelta(days=1), NOON - WEEK, NOON - timedelta(days=30))
    told = [
        make_contribution(published_at=edge + offset, plover=plover, report_id=f"{plover} {edge}")
        for edge in edges
        for plover, offset in (("ASSAULT", -hour), ("MOBILIZE", 0 * hour), ("COERCE", hour))
    ]
    windows = row(*told).windows
    # Inside: of the last edge's day the two later groups, of today the two earlier ones, and all three between.
    assert [(w.events, w.reports) for w in (windows.day, windows.week, windows.month)] == [(4, 4), (7, 7), (10, 10)]
    only_inside = [each for each in told if NOON - timedelta(days=30) <= each.published_at <= NOON]
    assert (row(*told).pressure, row(*told).top_dyads) == (row(*only_inside).pressure, row(*only_inside).top_dyads)


def test_a_domestic_group_counts_once() -> None:
    state = run(both_ledgers(make_contribution(source="RUS", target="RUS")))
    assert actor_row(state, "RUS", NOON, {}).pressure == 10.0
    assert dyad_row(state, "RUS", "RUS", NOON).pressure == 10.0


def test_cooperation_takes_away_half_of_itself_and_never_more_than_there_is() -> None:
    aid = make_contribution(plover="AID", goldstein=8.0)
    # 10 - 8 / 2 = 6; 600 / 46 = 13.043478.
    calmer = row(make_contribution(), aid)
    assert (calmer.conflict, calmer.cooperation, calmer.pressure, calmer.tension) == (10.0, 8.0, 6.0, 13.043478)
    assert (row(aid).pressure, row(aid).tension) == (0.0, 0.0)


def test_windows_count_groups_reports_and_quad_classes_with_both_ends() -> None:
    hours = (0, 24, 24 * 7, 24 * 30)
    told = [make_contribution(published_at=NOON - timedelta(hours=h), report_id="one report") for h in hours]
    others = [
        make_contribution(plover=plover, report_id=plover, goldstein=1.0) for plover in ("AID", "AGREE", "REJECT")
    ]
    windows = row(*told, *others).windows
    assert [(w.events, w.reports, w.material_conflict) for w in (windows.day, windows.week, windows.month)] == [
        (5, 4, 2),
        (6, 4, 3),
        (7, 4, 4),
    ]
    day = windows.day
    assert (day.material_cooperation, day.verbal_cooperation, day.verbal_conflict, day.goldstein_sum) == (1, 1, 1, -17)


def test_top_dyads_are_five_most_conflict_first_then_most_events() -> None:
    codes = ("IRN", "ISR", "SYR", "TUR", "UKR", "USA")
    told = [make_contribution(source=code, goldstein=-float(n)) for n, code in enumerate(codes, start=1)]
    top = row(*told).top_dyads
    assert [(each.dyad, each.conflict, each.events) for each in top] == [
        (f"{code}>RUS", float(n), 1) for n, code in reversed(list(enumerate(codes, start=1))[1:])
    ]
    calm = [make_contribution(source="FRA", plover=plover, goldstein=1.0) for plover in ("AID", "AGREE")]
    single = make_contribution(source="CHN", plover="AID", goldstein=1.0)
    top = row(told[0], *calm, single).top_dyads
    assert [(each.dyad, each.events) for each in top] == [("IRN>RUS", 1), ("FRA>RUS", 2), ("CHN>RUS", 1)]


def test_a_dyad_row_is_directed_and_read_from_the_ledger_of_its_source() -> None:
    state = run(both_ledgers(make_contribution(), make_contribution(source="RUS", target="SYR", goldstein=-2.0)))
    assert dyad_row(state, "SYR", "RUS", NOON).pressure == 10.0
    assert dyad_row(state, "RUS", "SYR", NOON).pressure == 2.0
    target_only = run([make_contribution(actor="RUS")])
    assert dyad_row(target_only, "SYR", "RUS", NOON).windows.month.events == 0
    assert dyads(state) == [("RUS", "SYR"), ("SYR", "RUS")]


# --- baseline ---


def daily(count: int, first_day_before: int) -> list[Contribution]:
    """One event of -10 at each of `count` midnights, the first one `first_day_before` days before NOON's."""
    midnight = datetime(2018, 9, 18, tzinfo=UTC)
    return [
        make_contribution(published_at=midnight - timedelta(days=first_day_before - n), report_id=f"r{n}")
        for n in range(count)
    ]


def test_baseline_is_the_median_and_mad_of_the_midnights_before() -> None:
    quick = TensionSettings(half_life=timedelta(days=1), baseline_days=3, baseline_min_samples=3, baseline_min_events=1)
    # Events at the midnights of days -3 and -1; half-life one day. Samples at the midnights of days -3, -2, -1:
    # 10, 5, 2.5 + 10 = 12.5. Median 10, deviations 0, 5, 2.5: MAD 2.5. At noon of day 0 (age 3.5 d and 1.5 d):
    # 10 * (2^-3.5 + 2^-1.5) = 0.883883 + 3.535534 = 4.419417; change 4.419417 - 10 = -5.580583.
    told = [*daily(1, 3), *daily(1, 1)]
    got = actor_row(run(told), "RUS", NOON, {}, quick)
    assert got.baseline is not None
    assert (got.baseline.median, got.baseline.mad, got.pressure, got.change) == (10.0, 2.5, 4.419417, -5.580583)


@pytest.mark.parametrize(
    ("count", "first_day_before", "shown"),
    [(14, 14, True), (13, 13, False), (10, 40, True), (9, 40, False), (10, 58, True), (10, 59, False)],
)
def test_no_baseline_under_fourteen_samples_or_ten_groups(count: int, first_day_before: int, shown: bool) -> None:  # noqa: FBT001 - a table of cases
    got = row(*daily(count, first_day_before))
    assert (got.baseline is not None, got.change is not None) == (shown, shown)


def test_baseline_reaches_the_whole_way_back_also_with_an_age_of_broken_days() -> None:
    broken = TensionSettings(
        group_max_age=timedelta(days=30, hours=12), baseline_days=20, baseline_min_samples=1, baseline_min_events=1
    )
    # The first sample, midnight of day -20, looks back to noon of day -51.
    state = run([make_contribution(published_at=NOON - timedelta(days=51))])
    assert actor_row(state, "RUS", NOON + timedelta(hours=6), {}, broken).baseline is not None


def test_what_happens_today_does_not_move_the_baseline() -> None:
    usual = row(*daily(20, 20)).baseline
    assert usual is not None
    assert row(*daily(20, 20), make_contribution(source="ISR", goldstein=-5.0)).baseline == usual


# --- laws ---


def histories() -> st.SearchStrategy[list[Contribution]]:
    """Return lists with corrections and retractions over 70 days; one (register, rev) never says two things."""
    moments = st.one_of(
        st.timedeltas(timedelta(days=-60), timedelta(days=3)).map(lambda offset: NOON + offset),
        # The edges of windows, days and ages, to the microsecond.
        st.builds(
            lambda days, off, base: base - timedelta(days=days, microseconds=off),
            st.integers(0, 58),
            st.integers(-1, 1),
            st.sampled_from((NOON, NOON.replace(hour=0))),
        ),
    )
    contribution = st.builds(
        make_contribution,
        source=st.sampled_from(ACTORS),
        target=st.sampled_from(ACTORS),
        plover=st.sampled_from(("ASSAULT", "AID", "ACCUSE")),
        report_id=st.sampled_from(("r1", "r2", "r3")),
        rev=st.sampled_from(("1", "2", "3")),
        present=st.sampled_from((True, True, False)),
        goldstein=st.integers(-100, 100).map(lambda tenths: tenths / 10),
        confidence=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
        published_at=moments,
        outlet=st.sampled_from(("wire-a", "wire-b", "wire-c")),
    )
    unique = st.lists(
        contribution, max_size=30, unique_by=lambda c: (c.day, c.source, c.target, c.plover, c.report_id, c.rev)
    )
    return unique.map(lambda items: both_ledgers(*items))


AS_OF = st.sampled_from((NOON, NOON.replace(hour=0), NOON + timedelta(days=2), NOON - timedelta(days=7)))


@given(histories(), AS_OF, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_rows(items: list[Contribution], as_of: datetime, order: random.Random) -> None:
    shuffled = list(items)
    order.shuffle(shuffled)
    assert all_rows(run(items), as_of) == all_rows(run(shuffled), as_of)


@pytest.mark.parametrize("sign", [-1, 1])
def test_sums_of_a_busy_day_are_the_same_to_the_bit_in_any_order(sign: int) -> None:
    told = [
        make_contribution(source=f"A{n:02}", goldstein=sign * (n % 97 + 1) / 10, confidence=(n * 37 % 1000) / 1000)
        for n in range(300)
    ]
    later = NOON + timedelta(hours=5)
    orders = (told, told[::-1], told[::2] + told[1::2], told[::7] + [each for n, each in enumerate(told) if n % 7])
    assert len({actor_balance(run(order), "RUS", later) for order in orders}) == 1


@given(histories(), AS_OF)
def test_twice_is_once_in_rows(items: list[Contribution], as_of: datetime) -> None:
    state = run(items)
    before = all_rows(state, as_of)
    assert all_rows(run(items, state), as_of) == before


@settings(max_examples=60)
@given(histories(), AS_OF)
def test_incremental_equals_rebuilt_to_the_bit(items: list[Contribution], as_of: datetime) -> None:
    lived = LedgerState()
    for item in items:
        run([item], lived)
        # Asking after every change keeps all caches warm and at risk of being stale.
        lived_balance = actor_balance(lived, item.actor, as_of)
        assert lived_balance == actor_balance(rebuilt(lived), item.actor, as_of)
        assert actor_row(lived, item.actor, as_of, {}) == actor_row(rebuilt(lived), item.actor, as_of, {})
    assert all_rows(lived, as_of) == all_rows(rebuilt(lived), as_of)


@given(histories(), AS_OF)
def test_retracting_everything_gives_exactly_zero_rows_of_known_actors(
    items: list[Contribution], as_of: datetime
) -> None:
    state = run(items)
    known = actors(state), dyads(state)
    all_rows(state, as_of)
    run([msgspec.structs.replace(item, rev="9", present=False) for item in items], state)
    assert (actors(state), dyads(state)) == known
    for each in all_rows(state, as_of):
        assert (each.tension, each.pressure, each.conflict, each.cooperation) == (0.0, 0.0, 0.0, 0.0)
        assert set(msgspec.structs.astuple(each.windows.month)) == {0}
        assert each.last_event is None
        if isinstance(each, ActorRow):
            assert (each.baseline, each.change, each.top_dyads) == (None, None, ())


@given(histories())
def test_one_state_of_all_partitions_serves_the_rows_of_each(items: list[Contribution]) -> None:
    merged = run(items)
    parts = {actor: run([item for item in items if item.actor == actor]) for actor in ACTORS}
    for actor in actors(merged):
        assert actor_row(merged, actor, NOON, {}) == actor_row(parts[actor], actor, NOON, {})
    for source, target in dyads(merged):
        assert dyad_row(merged, source, target, NOON) == dyad_row(parts[source], source, target, NOON)


@given(histories(), AS_OF)
def test_sums_agree_with_the_formula_written_down_naively(items: list[Contribution], as_of: datetime) -> None:
    state = run(items)
    for actor in actors(state):
        got = actor_balance(state, actor, as_of)
        assert (got.conflict, got.cooperation) == pytest.approx(
            naive_balance(items, actor, as_of), rel=1e-12, abs=1e-12
        )


def naive_balance(items: list[Contribution], actor: str, as_of: datetime) -> tuple[float, float]:
    newest: dict[tuple[Any, ...], Contribution] = {}
    for item in sorted(items, key=lambda each: each.rev):
        if actor in (item.source, item.target):
            newest[item.source, item.target, item.plover, item.day, item.report_id] = item
    groups: dict[tuple[Any, ...], list[Contribution]] = {}
    for key, item in newest.items():
        if item.present:
            groups.setdefault(key[:4], []).append(item)
    weights = [naive_weight(group, as_of) for group in groups.values()]
    return -sum(w for w in weights if w < 0), sum(w for w in weights if w > 0)


def naive_weight(group: list[Contribution], as_of: datetime) -> float:
    # The day of a generated contribution is that of its publication, so nothing is clamped here.
    instant = min(item.published_at for item in group)
    if not timedelta(0) <= as_of - instant <= timedelta(days=30):
        return 0.0
    outlets = len({item.outlet for item in group})
    corroboration = {1: 1.0, 2: 1.25, 3: 1.3962406251802891}[outlets]
    values = sorted(item.goldstein for item in group)
    middle = values[(len(values) - 1) // 2]
    return float(middle * corroboration * max(i.confidence for i in group) * 0.5 ** ((as_of - instant) / WEEK))


# --- contract ---


def test_rows_are_json_objects_with_windows_named_by_their_length() -> None:
    sent = json.loads(msgspec.json.encode(row(make_contribution())))
    assert list(sent["windows"]) == ["24h", "7d", "30d"]
    assert (sent["as_of"], sent["baseline"]) == ("2018-09-18T12:00:00Z", None)
    assert msgspec.json.decode(msgspec.json.encode(row()), type=ActorRow) == row()


def test_as_of_of_any_zone_is_the_same_moment() -> None:
    moscow = timezone(timedelta(hours=3))
    assert row(make_contribution(), as_of=NOON.astimezone(moscow)) == row(make_contribution())


def test_numbers_are_never_minus_zero() -> None:
    opposite = (make_contribution(), make_contribution(plover="AID", goldstein=10.0))
    assert b"-0.0" not in msgspec.json.encode([row(*opposite), row()])


@pytest.mark.parametrize(
    "changes",
    [
        {"half_life": timedelta(0)},
        {"half_tension": 0.0},
        {"corroboration_cap": 0.5},
        {"baseline_days": 29},
        {"baseline_min_samples": 0},
        {"group_max_age": timedelta(days=31)},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="tension settings"):
        TensionSettings(**changes)


def test_rows_of_other_settings_do_not_share_sums() -> None:
    state = run([make_contribution()])
    slow = TensionSettings(half_life=timedelta(days=14))
    # 10 / 2 after 14 days with the slow one, 10 / 4 with the default.
    later = NOON + 2 * WEEK
    pressures = [actor_row(state, "RUS", later, {}, each).pressure for each in (slow, TensionSettings(), slow)]
    assert pressures == [5.0, 2.5, 5.0]


def page_table(first_column: str) -> list[dict[str, str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:] if line.startswith("|")]
    width = len(cells[0])
    return [dict(zip(cells[0], each, strict=True)) for each in cells[2:] if len(each) == width]


def test_worked_example_of_the_page_holds() -> None:
    told = [
        make_contribution(
            source=line["source"],
            target=line["target"],
            plover=line["PLOVER"],
            outlet=line["outlet"],
            published_at=datetime.fromisoformat(line["published_at"]),
            goldstein=float(line["goldstein"]),
            confidence=float(line["confidence"]),
        )
        for line in page_table("outlet")
        if line["outlet"].startswith("wire")
    ]
    state = run(both_ledgers(*told))
    expected = page_table("actor")
    assert (len(told), len(expected)) == (4, 3)
    for line in expected:
        got = actor_row(state, line["actor"], NOON + WEEK, {})
        for column in ("conflict", "cooperation", "pressure", "tension"):
            assert getattr(got, column) == float(line[column]), (line["actor"], column)


def test_defaults_on_the_page_are_those_of_the_code() -> None:
    shown = {line["setting"].strip("`"): line["default"] for line in page_table("setting")}
    defaults = TensionSettings()
    assert set(shown) == set(TensionSettings.__struct_fields__)
    for name, text in shown.items():
        value = getattr(defaults, name)
        number = value.days if isinstance(value, timedelta) else value
        assert float(text.split()[0]) == number, name
