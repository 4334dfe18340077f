"""The floor: a sparse linear model over masked words, positions and the trigger lexicon, the pair given.

What a coder of given pairs should at least reach. It is fitted here, each time, from what may be shipped: the corpus'
train part, the pairs it began with, and PLOVER's gold standard (CC BY-SA 4.0, attributed in corpus/README.md).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from scipy.sparse import hstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from quality.data import as_yield, pairs_of_gsr, pairs_of_plv, pairs_of_sentences, pairs_of_start, read_part
from quality.intervals import Figure, figure, macro_f1
from streams.core.models import QUAD_CLASS
from streams.core.pairs import pair_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from quality.data import Pair
    from streams.core.codebook import Codebook

__all__ = ["FloorModel", "floor_figures", "learning_curve", "training_pairs"]

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*|[.,;:\"\u201c\u201d]")
_SOURCE: Final = "xsrc"
_TARGET: Final = "xtgt"
# Weights of the feature groups against each other and the SVM's C: the best of a grid over the train part, one writer
# left out at a time (macro-F1 .680; .675 to .679 elsewhere in the grid).
_POSITIONS: Final = 0.15
_EVIDENCE: Final = 0.3
_C: Final = 0.5
# Words beside each actor that are features by their distance.
_REACH: Final = 3
_CURVE: Final = (0.125, 0.25, 0.5, 1.0)
_SEED: Final = 20180917


def _masked(pair: Pair) -> list[str]:
    """Return the words in lower case with the two actors as one word each and numbers as 0."""
    words: list[str] = []
    position = 0
    for (start, end), mask in sorted([(pair.source, _SOURCE), (pair.target, _TARGET)]):
        if start >= position:
            words += [word.lower() for word in _WORD.findall(pair.text[position:start])] + [mask]
            position = end
    words += [word.lower() for word in _WORD.findall(pair.text[position:])]
    return ["0" if word[0].isdigit() else word for word in words]


def _positions(words: Sequence[str]) -> dict[str, float]:
    """Return each word with its side of the pair, and the words next to each actor with their distance."""
    places = [words.index(mask) if mask in words else -1 for mask in (_SOURCE, _TARGET)]
    first, last = min(places), max(places)
    order = "ST" if places[0] < places[1] else "TS"
    features: dict[str, float] = {f"order={order}": 1.0}
    for index, word in enumerate(words):
        if index not in places:
            side = "before" if index < first else "behind" if index > last else order
            features[f"{side}:{word}"] = 1.0
    for name, place in zip("st", places, strict=True):
        for distance in range(-_REACH, _REACH + 1):
            if distance and 0 <= place + distance < len(words):
                features[f"{name}{distance:+}:{words[place + distance]}"] = 1.0
    return features


def _evidence(codebook: Codebook, pair: Pair) -> dict[str, float]:
    """Return what the lexicon's triggers and frames speak for, absolute and as shares."""
    weights: Counter[str] = Counter()
    for plover, weight in pair_evidence(codebook, pair.text, pair.source, pair.target):
        weights[plover] += weight  # type: ignore[assignment]
    if not weights:
        return {"none": 1.0}
    total = sum(weights.values())
    features: dict[str, float] = {f"best={max(sorted(weights), key=lambda name: weights[name])}": 1.0}
    for plover, weight in weights.items():
        features[f"weight={plover}"] = min(weight, 5.0) / 2
        features[f"share={plover}"] = weight / total
    return features


class FloorModel:
    """A linear SVM one against all; `codebook`: the one for given pairs."""

    def __init__(self, codebook: Codebook) -> None:
        self._codebook = codebook
        self._words = TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True, token_pattern=r"\S+")  # noqa: S106 - no password
        self._letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)
        self._positions, self._lexicon = DictVectorizer(), DictVectorizer()
        self._svm = LinearSVC(C=_C, class_weight="balanced", random_state=_SEED)

    def _features(self, pairs: Sequence[Pair], *, fit: bool) -> Any:  # noqa: ANN401 - a sparse matrix of scipy
        words = [_masked(pair) for pair in pairs]
        texts = [" ".join(row) for row in words]
        groups = (
            (self._words, texts, 1.0),
            (self._letters, texts, 1.0),
            (self._positions, [_positions(row) for row in words], _POSITIONS),
            (self._lexicon, [_evidence(self._codebook, pair) for pair in pairs], _EVIDENCE),
        )
        return hstack([(v.fit_transform(x) if fit else v.transform(x)) * weight for v, x, weight in groups]).tocsr()

    def fit(self, pairs: Sequence[Pair]) -> FloorModel:
        """Learn from `pairs` and return the model itself."""
        self._svm.fit(self._features(pairs, fit=True), [pair.plover for pair in pairs])
        return self

    def predict(self, pairs: Sequence[Pair]) -> list[str]:
        """Return the type of each pair."""
        return [str(name) for name in self._svm.predict(self._features(pairs, fit=False))]


def training_pairs() -> list[Pair]:
    """Return all pairs the model may learn from, the corpus' own first."""
    return [*pairs_of_sentences(read_part("train")), *pairs_of_start(), *pairs_of_gsr()]


def _test_sets() -> Iterator[tuple[str, list[Pair]]]:
    yield "own test part", list(pairs_of_sentences(read_part("test")))
    plv = pairs_of_plv()
    if plv:
        yield "plv_train, as a test", plv


def floor_figures(codebook: Codebook) -> dict[str, Figure]:
    """Return the macro-F1 of the model by types and by quad classes on each set."""
    model = FloorModel(codebook).fit(training_pairs())
    figures: dict[str, Figure] = {}
    for name, pairs in _test_sets():
        answers = list(zip([pair.plover for pair in pairs], model.predict(pairs), strict=True))
        types = [(as_yield(gold), as_yield(answer)) for gold, answer in answers]
        figures[f"15 types, pair given, {name}"] = figure(types, macro_f1)
        quads = [(_quad(gold), _quad(answer)) for gold, answer in (types if name.startswith("plv") else answers)]
        figures[f"quad classes, pair given, {name}"] = figure(quads, macro_f1)
    return figures


def _quad(plover: str) -> str:
    # Sets of 15 types count YIELD as material cooperation.
    return "material_cooperation" if plover == "YIELD" else QUAD_CLASS[plover]


def learning_curve(codebook: Codebook) -> list[tuple[int, dict[str, float]]]:
    """Return for growing shares of the training pairs their number and the macro-F1 on each set."""
    pairs, tests = training_pairs(), list(_test_sets())
    random.Random(_SEED).shuffle(pairs)
    curve: list[tuple[int, dict[str, float]]] = []
    for part in _CURVE:
        size = round(part * len(pairs))
        model = FloorModel(codebook).fit(pairs[:size])
        scores = {
            name: macro_f1(
                [
                    (as_yield(pair.plover), as_yield(answer))
                    for pair, answer in zip(test, model.predict(test), strict=True)
                ]
            )
            for name, test in tests
        }
        curve.append((size, scores))
    return curve
