"""Figures with 95% intervals by the percentile bootstrap over items (sentences, reports, mentions)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Figure", "f1_of", "figure", "macro_f1", "share"]

# Enough that the ends of the interval move by less than a point between seeds.
_DRAWS: Final = 500
_SEED: Final = 20180917
_Item = TypeVar("_Item")


class Figure(NamedTuple):
    """A measured value in 0..1 with the ends of its 95% interval, and the number of items behind it."""

    value: float
    low: float
    high: float
    items: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def figure(items: Sequence[_Item], measure: Callable[[Sequence[_Item]], float], draws: int = _DRAWS) -> Figure:
    """Return `measure` of `items` and where it lies in 95 of 100 samples drawn from them with replacement.

    >>> figure([1.0, 1.0, 1.0], share)
    Figure(value=1.0, low=1.0, high=1.0, items=3)
    """
    dice = random.Random(_SEED)
    values = sorted(measure(dice.choices(items, k=len(items))) for _ in range(draws))
    return Figure(measure(items), values[int(0.025 * draws)], values[int(0.975 * draws) - 1], len(items))


def share(items: Sequence[float]) -> float:
    """Return the mean: the share of right ones among 0s and 1s.

    >>> share([0, 1, 1, 1])
    0.75
    """
    return sum(items) / len(items)


def f1_of(items: Sequence[tuple[int, int, int]]) -> float:
    """Return the F1 of (right, found, wanted) counts, summed over items.

    >>> f1_of([(1, 1, 2), (1, 1, 1)])
    0.8
    """
    right, found, wanted = (sum(column) for column in zip(*items, strict=True))
    return 2 * right / (found + wanted) if found + wanted else 1.0


def macro_f1(items: Sequence[tuple[str, str]]) -> float:
    """Return the unweighted mean over the gold classes of the F1 of (gold, predicted) pairs.

    >>> macro_f1([("A", "A"), ("B", "B"), ("B", "A"), ("B", "B")])
    0.7333333333333334
    """
    gold: dict[str, int] = {}
    predicted: dict[str, int] = {}
    right: dict[str, int] = {}
    for truth, answer in items:
        gold[truth] = gold.get(truth, 0) + 1
        predicted[answer] = predicted.get(answer, 0) + 1
        if truth == answer:
            right[truth] = right.get(truth, 0) + 1
    return sum(2 * right.get(name, 0) / (count + predicted.get(name, 0)) for name, count in gold.items()) / len(gold)
