"""The tension index: rows of actors and dyads as a function of (ledger, as_of) and nothing else.

Formula, constants and their reasons: docs/explanation/tension.md. Sums are `fsum`s per day, then over days, so that
neither the order of arrival nor what is cached can change a bit of them.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import nsmallest
from math import fsum, log2
from statistics import median
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from streams.core.errors import ConfigurationError
from streams.core.groups import DAY, as_microseconds, as_moment
from streams.core.ledger import LEDGER_KEPT
from streams.core.models import QUAD_CLASS, ActorId, Dyad, Moment, event_key, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.core.groups import ActorDay, EventGroup
    from streams.core.ledger import LedgerState

__all__ = [
    "DEFAULT_SETTINGS",
    "ActorRow",
    "Balance",
    "Baseline",
    "DyadRow",
    "TensionSettings",
    "TopDyad",
    "Window",
    "Windows",
    "actor_balance",
    "actor_row",
    "actors",
    "corroboration",
    "decay",
    "dyad_row",
    "dyads",
    "group_weight",
]

# Lengths of the rolling windows of a row, in microseconds; both ends count.
_DAY_WINDOW: Final = DAY
_WEEK_WINDOW: Final = 7 * DAY
_MONTH_WINDOW: Final = 30 * DAY

# Midnights of `history`: a week, the half-life and the window that a reader compares with.
_HISTORY_DAYS: Final = 7

# A row names at most this many dyads: what fits a reader's eye; the rest is in tension.dyads.
_TOP_DYADS: Final = 5

# Decimals of the numbers in rows: far below what a report can move, far above the error of a float sum.
_DECIMALS: Final = 6

_MICROSECOND: Final = timedelta(microseconds=1)


class TensionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The constants of the index; the reason for each default is in docs/explanation/tension.md#constants.

    `half_tension`: pressure (Goldstein points) at which tension is 50. `cooperation_relief`: pressure that one point of
    cooperation takes away. `corroboration_slope`: what each doubling of the outlets adds, up to `corroboration_cap`.
    Raises: ConfigurationError if a value makes no sense or needs days that the ledger no longer has.
    """

    half_life: timedelta = timedelta(days=7)
    group_max_age: timedelta = timedelta(days=30)
    half_tension: float = 40.0
    cooperation_relief: float = 0.5
    corroboration_slope: float = 0.25
    corroboration_cap: float = 2.0
    baseline_days: int = 28
    baseline_min_samples: int = 14
    baseline_min_events: int = 10

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if self.half_life <= timedelta(0) or self.half_tension <= 0:
            msg = "tension settings: half_life and half_tension must be positive; the defaults are 7 days and 40"
            raise ConfigurationError(msg)
        if self.corroboration_cap < 1 or self.corroboration_slope < 0 or self.cooperation_relief < 0:
            msg = "tension settings: corroboration_cap must be >= 1, corroboration_slope and cooperation_relief >= 0"
            raise ConfigurationError(msg)
        if self.baseline_min_samples < 1 or self.baseline_days < 1 or self.group_max_age <= timedelta(0):
            msg = "tension settings: baseline_days, baseline_min_samples and group_max_age must be positive"
            raise ConfigurationError(msg)
        if self.group_max_age + timedelta(days=self.baseline_days + 7) > LEDGER_KEPT:
            msg = (
                f"tension settings: group_max_age + baseline_days must be <= {LEDGER_KEPT.days - 7} d; no more is kept"
            )
            raise ConfigurationError(msg)


DEFAULT_SETTINGS: Final = TensionSettings()

Count = Annotated[int, told("Event groups: events that several outlets tell count once.", 3, minimum=0)]
Points = Annotated[float, told("Sum of weights, decayed to `as_of`.", 54.67, unit="Goldstein points", minimum=0)]
Tension = Annotated[float, told("0 is calm, 50 is 40 points of pressure.", 57.7, minimum=0, maximum=100)]
LastEvent = Annotated[Moment | None, told("Newest event group of the last 30 days, or null.")]
AsOf = Annotated[Moment, told("Moment that the row is computed for.")]
Watermark = Annotated[Moment | None, told("Whole hour that event time has reached, or null before the first.")]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What a rolling window holds: event groups, distinct reports behind them, groups by quad class."""

    events: Count
    reports: Annotated[int, told("Distinct reports behind the groups.", 4, minimum=0)]
    verbal_cooperation: Count
    material_cooperation: Count
    verbal_conflict: Count
    material_conflict: Count
    goldstein_sum: Annotated[float, told("Sum over groups; positive is cooperation.", -21.6, unit="Goldstein points")]


class Windows(msgspec.Struct, frozen=True, kw_only=True, rename={"day": "24h", "week": "7d", "month": "30d"}):
    """The rolling windows that end at `as_of`, both ends included."""

    day: Annotated[Window, told("The last 24 hours.")]
    week: Annotated[Window, told("The last 7 days.")]
    month: Annotated[Window, told("The last 30 days.")]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual for an actor: median of its daily pressure samples, and median absolute deviation (MAD)."""

    median: Annotated[Points, told("Median pressure of the 28 midnights before.")]
    mad: Annotated[Points, told("Median absolute deviation from it.")]


class TopDyad(msgspec.Struct, frozen=True, kw_only=True):
    """A directed pair (`SRC>TGT`) behind a row: its conflict in Goldstein points and its event groups in 30 days."""

    dyad: Dyad
    conflict: Points
    events: Count


class ActorRow(msgspec.Struct, frozen=True, kw_only=True):
    """`tension.actors`: one actor at `as_of`. Tension: 0..100; pressure, conflict, cooperation: Goldstein points.

    `baseline` and `change` (pressure minus the median) are null under a small count. `top_dyads`: most conflict first,
    then most events. `last_event`: newest instant of the last 30 days. `watermark`: the whole hour event time reached.
    `history`: tension at the seven midnights (UTC) up to `as_of`, oldest first, with the ledger as it is now.
    """

    actor: ActorId
    name: Annotated[str, told("Name to show; the id if there is none.", "Russia", minLength=1)]
    tension: Tension
    pressure: Annotated[Points, told("Net conflict: conflict - cooperation / 2, at least 0.")]
    conflict: Points
    cooperation: Points
    baseline: Annotated[Baseline | None, told("What is usual for the actor; null under a small count.")]
    change: Annotated[float | None, told("Pressure minus `baseline.median`, or null.", -3.2, unit="Goldstein points")]
    history: Annotated[
        tuple[Tension, ...],
        told(
            "Tension at the seven midnights (UTC) up to `as_of`, oldest first.",
            minItems=_HISTORY_DAYS,
            maxItems=_HISTORY_DAYS,
        ),
    ]
    windows: Annotated[Windows, told("Rolling windows that end at `as_of`.")]
    top_dyads: Annotated[tuple[TopDyad, ...], told("Most conflict first, then most events.", maxItems=_TOP_DYADS)]
    last_event: LastEvent
    as_of: AsOf
    watermark: Watermark


class DyadRow(msgspec.Struct, frozen=True, kw_only=True):
    """`tension.dyads`: what `source` did to `target`, at `as_of`; units as in `ActorRow`."""

    source: Annotated[ActorId, told("Who acted.")]
    target: Annotated[ActorId, told("On whom.")]
    tension: Tension
    pressure: Annotated[Points, told("Net conflict: conflict - cooperation / 2, at least 0.")]
    conflict: Points
    cooperation: Points
    windows: Annotated[Windows, told("Rolling windows that end at `as_of`.")]
    last_event: LastEvent
    as_of: AsOf
    watermark: Watermark


class Balance(NamedTuple):
    """Unrounded sums of weights, in Goldstein points, both >= 0."""

    conflict: float
    cooperation: float

    def pressure(self, settings: TensionSettings = DEFAULT_SETTINGS) -> float:
        """Return the net conflict.

        >>> Balance(10.0, 8.0).pressure()
        6.0
        """
        return max(0.0, self.conflict - self.cooperation * settings.cooperation_relief)

    def tension(self, settings: TensionSettings = DEFAULT_SETTINGS) -> float:
        """Return the pressure squeezed into 0..100.

        >>> Balance(10.0, 0.0).tension()
        20.0
        """
        pressure = self.pressure(settings)
        return 100.0 * pressure / (pressure + settings.half_tension)


def group_weight(group: EventGroup, at: int, settings: TensionSettings = DEFAULT_SETTINGS) -> float:
    """Return the weight of `group` at the microsecond `at`, signed as its Goldstein value; age is not judged here.

    Source: docs/explanation/tension.md#formula
    """
    told = corroboration(group.outlets, settings)
    return group.goldstein * told * group.confidence * decay(at - group.instant, settings)


def corroboration(outlets: int, settings: TensionSettings = DEFAULT_SETTINGS) -> float:
    """Return how much more a group counts that `outlets` distinct outlets (>= 1) tell of; 1 for one.

    >>> corroboration(2)
    1.25
    """
    return min(1.0 + log2(outlets) * settings.corroboration_slope, settings.corroboration_cap)


def decay(elapsed: int, settings: TensionSettings = DEFAULT_SETTINGS) -> float:
    """Return the share of a weight that is left after `elapsed` microseconds.

    >>> decay(7 * DAY)
    0.5
    """
    return float(2.0 ** -(elapsed / (settings.half_life // _MICROSECOND)))


class _Tally:
    """Event groups of one day, and their sums with all weights taken at the day's `end`; lazy, then kept.

    Weights of one day decay by one factor, so a day is summed once and scaled for every moment it is asked for.
    """

    def __init__(self, end: int, groups: Sequence[EventGroup], weights: Sequence[float]) -> None:
        self.end = end
        self.groups = groups
        self.weights = weights
        self._united: tuple[Sequence[_Tally], set[str]] | None = None

    @cached_property
    def first(self) -> int:
        return min(group.instant for group in self.groups)

    @cached_property
    def last(self) -> int:
        return max(group.instant for group in self.groups)

    @cached_property
    def conflict(self) -> float:
        return fsum(-weight for weight in self.weights if weight < 0)

    @cached_property
    def cooperation(self) -> float:
        return fsum(weight for weight in self.weights if weight > 0)

    @cached_property
    def goldstein(self) -> float:
        return fsum(group.goldstein for group in self.groups)

    @cached_property
    def reports(self) -> set[str]:
        return {report for group in self.groups for report in group.reports}

    def reports_with(self, later: Sequence[_Tally]) -> set[str]:
        """Return the reports of this and the `later` tallies; kept, because quiet days make up most of a window."""
        if self._united is None or self._united[0] != later:
            self._united = later, self.reports.union(*(tally.reports for tally in later))
        return self._united[1]

    @cached_property
    def quad_classes(self) -> Counter[str]:
        return Counter(QUAD_CLASS[group.plover] for group in self.groups)

    @cached_property
    def conflict_by_dyad(self) -> dict[str, float]:
        weights: dict[str, list[float]] = {}
        for group, weight in zip(self.groups, self.weights, strict=True):
            if weight < 0:
                weights.setdefault(group.dyad, []).append(-weight)
        return {dyad: fsum(parts) for dyad, parts in weights.items()}

    @cached_property
    def events_by_dyad(self) -> Counter[str]:
        return Counter(group.dyad for group in self.groups)

    def clip(self, since: int, until: int) -> _Tally | None:
        """Return the tally of the groups with instant in [since, until]; None if there are none."""
        inside = [
            (group, weight)
            for group, weight in zip(self.groups, self.weights, strict=True)
            if since <= group.instant <= until
        ]
        return _Tally(self.end, [group for group, _ in inside], [weight for _, weight in inside]) if inside else None


def _tally(groups: Iterable[EventGroup], end: int, settings: TensionSettings) -> _Tally:
    listed = list(groups)
    return _Tally(end, listed, [group_weight(group, end, settings) for group in listed])


def _tally_actor_day(day: ActorDay, settings: TensionSettings) -> _Tally:
    kept = day.derived.get(settings)
    if isinstance(kept, _Tally):
        return kept
    fresh = _tally(day.groups(), day.start + DAY, settings)
    day.derived[settings] = fresh
    return fresh


def _actor_days(state: LedgerState, actor: str, since: int, until: int) -> list[ActorDay]:
    first, last = as_moment(since).toordinal(), as_moment(until).toordinal()
    names = (date.fromordinal(ordinal).isoformat() for ordinal in range(first, last + 1))
    days = (state.actor_day(actor, name) for name in names)
    return [day for day in days if day is not None]


def _clip(tallies: Iterable[_Tally], since: int, until: int) -> list[_Tally]:
    near = [tally for tally in tallies if tally.last >= since and tally.first <= until]
    clipped = [t if since <= t.first and t.last <= until else t.clip(since, until) for t in near]
    return [tally for tally in clipped if tally is not None]


def _balance(tallies: Iterable[_Tally], at: int, settings: TensionSettings) -> Balance:
    counted = _clip(tallies, at - settings.group_max_age // _MICROSECOND, at)
    factors = [decay(at - tally.end, settings) for tally in counted]
    return Balance(
        conflict=fsum(tally.conflict * factor for tally, factor in zip(counted, factors, strict=True)),
        cooperation=fsum(tally.cooperation * factor for tally, factor in zip(counted, factors, strict=True)),
    )


def _windows(month: Sequence[_Tally], at: int) -> Windows:
    return Windows(
        day=_window(_clip(month, at - _DAY_WINDOW, at)),
        week=_window(_clip(month, at - _WEEK_WINDOW, at)),
        month=_window(_clip(month, at - _MONTH_WINDOW, at)),
    )


def _count_reports(counted: Sequence[_Tally]) -> int:
    """Return how many distinct reports are behind `counted`, in order of days; only the outer days are clipped."""
    inner = counted[1:-1]
    settled = inner[0].reports_with(inner[1:]) if inner else set[str]()
    outer = set[str]().union(*(tally.reports for tally in (*counted[:1], *counted[-1:])))
    return len(settled) + len(outer - settled)


def _window(counted: Sequence[_Tally]) -> Window:
    quad_classes: Counter[str] = Counter()
    for tally in counted:
        quad_classes.update(tally.quad_classes)
    return Window(
        events=sum(len(tally.groups) for tally in counted),
        reports=_count_reports(counted),
        verbal_cooperation=quad_classes["verbal_cooperation"],
        material_cooperation=quad_classes["material_cooperation"],
        verbal_conflict=quad_classes["verbal_conflict"],
        material_conflict=quad_classes["material_conflict"],
        goldstein_sum=_rounded(fsum(tally.goldstein for tally in counted)),
    )


def _baseline(tallies: Sequence[_Tally], at: int, settings: TensionSettings) -> tuple[float, float] | None:
    """Return (median, MAD) of the pressure at the midnights that begin the `baseline_days` days before that of `at`.

    A sample counts from the first midnight by which the actor has been heard of, so that a new one is not "calm".
    """
    today = at - at % DAY
    midnights = range(today - settings.baseline_days * DAY, today, DAY)
    heard = _clip(tallies, midnights[0] - settings.group_max_age // _MICROSECOND, midnights[-1])
    if not heard or sum(len(tally.groups) for tally in heard) < settings.baseline_min_events:
        return None
    since = min(tally.first for tally in heard)
    samples = [_balance(heard, moment, settings).pressure(settings) for moment in midnights if moment >= since]
    if len(samples) < settings.baseline_min_samples:
        return None
    middle = median(samples)
    return middle, median(abs(sample - middle) for sample in samples)


def _history(tallies: Sequence[_Tally], at: int, settings: TensionSettings) -> tuple[float, ...]:
    """Return the tension at the last `_HISTORY_DAYS` midnights; midnights, because days need no clipping there."""
    today = at - at % DAY
    midnights = range(today - (_HISTORY_DAYS - 1) * DAY, today + 1, DAY)
    return tuple(_rounded(_balance(tallies, moment, settings).tension(settings)) for moment in midnights)


def _top_dyads(month: Sequence[_Tally], at: int, settings: TensionSettings) -> tuple[TopDyad, ...]:
    factors = [decay(at - tally.end, settings) for tally in month]
    # Ranked by plain sums, which are canonical too (days come in order) and much cheaper; shown as exact ones.
    sums: dict[str, float] = {}
    for tally, factor in zip(month, factors, strict=True):
        for dyad, conflict in tally.conflict_by_dyad.items():
            sums[dyad] = sums.get(dyad, 0.0) + conflict * factor
    ranked = nsmallest(_TOP_DYADS, ((-total, dyad) for dyad, total in sums.items()))
    named = [dyad for _, dyad in ranked] + _busiest(month, sums)[: _TOP_DYADS - len(ranked)]
    return tuple(_top_dyad(dyad, month, factors) for dyad in named)


def _busiest(month: Sequence[_Tally], conflicts: Mapping[str, float]) -> list[str]:
    """Return the dyads without conflict, most events first, if those with conflict do not fill a row."""
    if len(conflicts) >= _TOP_DYADS:
        return []
    events: Counter[str] = Counter()
    for tally in month:
        events.update(tally.events_by_dyad)
    return [dyad for _, dyad in sorted((-count, dyad) for dyad, count in events.items() if dyad not in conflicts)]


def _top_dyad(dyad: str, month: Sequence[_Tally], factors: Sequence[float]) -> TopDyad:
    parts = (tally.conflict_by_dyad.get(dyad, 0.0) * factor for tally, factor in zip(month, factors, strict=True))
    return TopDyad(dyad=dyad, conflict=_rounded(fsum(parts)), events=sum(t.events_by_dyad[dyad] for t in month))


def _last_event(month: Sequence[_Tally]) -> datetime | None:
    return as_moment(max(tally.last for tally in month)) if month else None


def _rounded(number: float) -> float:
    return round(number, _DECIMALS) + 0.0  # Adding zero turns -0.0 into 0.0.


def _lookback(settings: TensionSettings, days: int) -> int:
    """Return how far (microseconds) a row with `days` of daily samples looks back."""
    return max(settings.group_max_age // _MICROSECOND, _MONTH_WINDOW) + days * DAY


def _actor_tallies(state: LedgerState, actor: str, at: int, settings: TensionSettings) -> list[_Tally]:
    # One more day than there are samples: the first midnight lies up to 24 h further back.
    samples = max(settings.baseline_days, _HISTORY_DAYS) + 1
    days = _actor_days(state, actor, at - _lookback(settings, samples), at)
    tallies = (_tally_actor_day(day, settings) for day in days)
    return [tally for tally in tallies if tally.groups]


def actor_balance(
    state: LedgerState, actor: str, as_of: datetime, settings: TensionSettings = DEFAULT_SETTINGS
) -> Balance:
    """Return conflict and cooperation of `actor` at `as_of`, unrounded."""
    at = as_microseconds(as_of)
    return _balance(_actor_tallies(state, actor, at, settings), at, settings)


def actor_row(
    state: LedgerState,
    actor: str,
    as_of: datetime,
    names: Mapping[str, str],
    settings: TensionSettings = DEFAULT_SETTINGS,
) -> ActorRow:
    """Return the row of `actor` at `as_of`; all zeros if no group counts.

    `names`: actor id -> name shown; an actor without one shows its id. Whether an actor without an entry still has a
    row is `state.has_actor`'s to say: the caller sends a tombstone instead.
    """
    at = as_microseconds(as_of)
    tallies = _actor_tallies(state, actor, at, settings)
    month = _clip(tallies, at - _MONTH_WINDOW, at)
    balance = _balance(tallies, at, settings)
    usual = _baseline(tallies, at, settings)
    return ActorRow(
        actor=actor,
        name=names.get(actor, actor),
        tension=_rounded(balance.tension(settings)),
        pressure=_rounded(balance.pressure(settings)),
        conflict=_rounded(balance.conflict),
        cooperation=_rounded(balance.cooperation),
        baseline=None if usual is None else Baseline(median=_rounded(usual[0]), mad=_rounded(usual[1])),
        change=None if usual is None else _rounded(balance.pressure(settings) - usual[0]),
        history=_history(tallies, at, settings),
        windows=_windows(month, at),
        top_dyads=_top_dyads(month, at, settings),
        last_event=_last_event(month),
        as_of=as_moment(at),
        watermark=state.watermark,
    )


def dyad_row(
    state: LedgerState, source: str, target: str, as_of: datetime, settings: TensionSettings = DEFAULT_SETTINGS
) -> DyadRow:
    """Return the row of (source, target) at `as_of`, read from the ledger of `source`; all zeros if no group counts."""
    at = as_microseconds(as_of)
    dyad = event_key(source, target)
    days = _actor_days(state, source, at - _lookback(settings, 0), at)
    tallies = [_tally(groups, day.start + DAY, settings) for day in days if (groups := day.groups_of(dyad))]
    month = _clip(tallies, at - _MONTH_WINDOW, at)
    balance = _balance(tallies, at, settings)
    return DyadRow(
        source=source,
        target=target,
        tension=_rounded(balance.tension(settings)),
        pressure=_rounded(balance.pressure(settings)),
        conflict=_rounded(balance.conflict),
        cooperation=_rounded(balance.cooperation),
        windows=_windows(month, at),
        last_event=_last_event(month),
        as_of=as_moment(at),
        watermark=state.watermark,
    )


def actors(state: LedgerState) -> list[str]:
    """Return the actors that have a row, in order of their ids."""
    return sorted(state.actors())


def dyads(state: LedgerState) -> list[tuple[str, str]]:
    """Return the (source, target) pairs that have a row, in order."""
    return sorted(state.dyads())
