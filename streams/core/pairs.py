"""The best type for a pair of actors that is given: frames first, else the triggers around the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streams.core.actors import Mention
from streams.core.clauses import Grammar, Sentence, read_sentence
from streams.core.frames import Finder
from streams.core.lexicon import Frame, NounFrame, Slot
from streams.core.models import QUAD_CLASS, QuadClass
from streams.core.phrases import Antecedents
from streams.core.roles import Roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.codebook import Codebook

__all__ = ["PairCoding", "code_pair", "given_mention", "pair_evidence"]

# Evidence of a trigger by where it stands; a filled frame outweighs them all. Tuned on labelled pairs.
_FILLED: Final = 4.0
_FILLED_REVERSED: Final = 1.5
_BETWEEN: Final = 1.0
_BEFORE: Final = 0.45
_AFTER: Final = 0.65
_CUE: Final = 0.3
# A frame whose words are not all near its verb still hints at its type.
_INCOMPLETE: Final = 0.2
# Words around a trigger in which the words of its frame are looked for.
_WINDOW: Final = 9
# Words before a trigger in which what governs it is looked for, and what becomes of (un)friendly acts under it.
_GOVERNED: Final = 5
_TURNS: Final = {
    ("refused", True): "REJECT",
    ("promised", True): "AGREE",
    ("promised", False): "THREATEN",
    ("threatened", False): "THREATEN",
    ("requested", True): "REQUEST",
}
# The commonest type of news about two actors, for pairs without any evidence.
_PRIOR: Final = "CONSULT"
_LEAST_CONFIDENCE: Final = 0.1


class PairCoding(NamedTuple):
    """The type of what the source does to the target, and how sure that is (0..1, 3 decimals)."""

    plover: str
    quad_class: QuadClass
    confidence: float


def code_pair(codebook: Codebook, text: str, source_span: tuple[int, int], target_span: tuple[int, int]) -> PairCoding:
    """Return the best type for the pair; it always answers, so the pair itself is never questioned."""
    scores: dict[str, float] = {}
    for plover, weight in pair_evidence(codebook, text, source_span, target_span):
        scores[plover] = scores.get(plover, 0.0) + weight
    if not scores:
        return PairCoding(_PRIOR, QUAD_CLASS[_PRIOR], _LEAST_CONFIDENCE)
    best = max(sorted(scores), key=lambda plover: scores[plover])
    confidence = scores[best] / (sum(scores.values()) + 0.5)
    return PairCoding(best, QUAD_CLASS[best], round(max(confidence, _LEAST_CONFIDENCE), 3))


def pair_evidence(
    codebook: Codebook, text: str, source_span: tuple[int, int], target_span: tuple[int, int]
) -> Iterator[tuple[str, float]]:
    """Yield the types that filled frames and triggers around the pair speak for, each with its weight (> 0)."""
    return _evidence(codebook, _read(codebook, text, source_span, target_span))


def _read(codebook: Codebook, text: str, source: tuple[int, int], target: tuple[int, int]) -> Sentence:
    mentions = [given_mention(text, source, "SOURCE"), given_mention(text, target, "TARGET")]
    mentions.sort(key=lambda mention: mention.start)
    if mentions[0].end > mentions[1].start:
        mentions.pop()
    return read_sentence(text, 0, len(text), mentions, codebook.grammar)


def given_mention(text: str, span: tuple[int, int], role: str) -> Mention:
    """Return the mention that fills `role` by being said to; a possessive qualifies like an adjective."""
    start, end = span
    words = text[start:end]
    owner = words.endswith(("'s", "\u2019s"))
    return Mention(
        start=start,
        end=end,
        text=words,
        actor=role,
        country=None,
        sector=None,
        name=role,
        kind="group",
        adjective=owner,
    )


def _evidence(codebook: Codebook, sentence: Sentence) -> Iterator[tuple[str, float]]:
    yield from _filled(codebook, sentence)
    places = [index for index in sentence.mentions if index >= 0]
    first, last = min(places), max(places)
    lexicon = codebook.lexicon
    for index, word in enumerate(sentence.words):
        if index in sentence.mentions:
            continue
        factor = _BEFORE if index < first else _AFTER if index > last else _BETWEEN
        turn = _governor(sentence, index, codebook.grammar)
        for trigger in lexicon.verbs.get(word, ()):
            best = _turned(_by_type(sentence, index, trigger.frames), turn)
            scale = factor * (1.0 if sentence.tags[index] in "VGX" else 0.6)
            for plover, weight in best.items():
                yield plover, weight * scale / len(best) ** 0.5
        for plover, weight in _turned(_by_type(sentence, index, lexicon.nouns.get(word, ())), turn).items():
            yield plover, weight * factor
        for plover, weight in lexicon.cues.get(word, ()):
            yield plover, weight * _CUE * factor


def _governor(sentence: Sentence, index: int, grammar: Grammar) -> str:
    """Return how the words before `index` turn its type: refused, promised, threatened, requested, or ""."""
    turn = ""
    for word in sentence.words[max(index - _GOVERNED, 0) : index]:
        if word in grammar.refusing or word in grammar.pair_refusing:
            turn = "refused"
        elif (word in grammar.promising or word in grammar.pair_promising) and turn != "refused":
            turn = "promised"
        elif word in grammar.threatening:
            turn = "threatened"
        elif word in grammar.requesting or word in grammar.pair_requesting:
            turn = "requested"
    return turn


def _turned(types: dict[str, float], turn: str) -> dict[str, float]:
    turned: dict[str, float] = {}
    for plover, weight in types.items():
        friendly = QUAD_CLASS[plover].endswith("cooperation")
        to = _TURNS.get((turn, friendly), plover)
        turned[to] = max(turned.get(to, 0.0), weight)
    return turned


def _filled(codebook: Codebook, sentence: Sentence) -> Iterator[tuple[str, float]]:
    roles = Roles(sentence, codebook.grammar, Antecedents())
    for act in Finder(codebook, sentence, roles).acts(asserted_only=False):
        sources = {sentence.mentions[index].actor for index in act.sources}
        targets = {sentence.mentions[index].actor for index in act.targets} if not act.among else sources
        types = _turned({act.plover: 1.0}, _governor(sentence, act.head, codebook.grammar))
        plover = "ACCUSE" if act.alleged else next(iter(types))
        if "SOURCE" in sources and "TARGET" in targets:
            yield plover, _FILLED
        elif "TARGET" in sources and "SOURCE" in targets:
            yield plover, _FILLED if act.reciprocal else _FILLED_REVERSED


def _by_type(sentence: Sentence, index: int, frames: tuple[Frame, ...] | tuple[NounFrame, ...]) -> dict[str, float]:
    """Return for each type the weight of its frame whose words lie nearest complete around `index`."""
    best: dict[str, float] = {}
    words = sentence.words
    behind = set(words[index + 1 : index + 1 + _WINDOW])
    around = behind | set(words[max(index - _WINDOW, 0) : index])
    for frame in frames:
        particles = frame.particles if isinstance(frame, Frame) else ()
        if particles and not all(particle in behind for particle in particles):
            continue
        weight = frame.weight if _complete(frame.slots, around) else _INCOMPLETE
        if weight > best.get(frame.plover, 0.0):
            best[frame.plover] = weight
    top = max(best.values(), default=0.0)
    return {plover: weight for plover, weight in best.items() if weight > _INCOMPLETE or top <= _INCOMPLETE}


def _complete(slots: tuple[Slot, ...], around: set[str]) -> bool:
    return all(slot.role or not slot.words.isdisjoint(around) for slot in slots)
