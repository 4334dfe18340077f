"""Checks of the corpus: notation, likeness between sentences, shares; `python -m corpus.check PATH...`.

Exit 1 if a line is wrong, 0 otherwise.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from corpus.marks import MODES, MarkError, Sentence, read_reports, read_sentences
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LARGEST_LIKENESS", "likeness_pairs", "masked_words", "shared_between_parts"]

# Two sentences may share this part of the smaller one's masked word 4-grams, not more.
LARGEST_LIKENESS: Final = 0.6
_GRAM: Final = 4
_WORD: Final = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['\u2019-][A-Za-z\u00c0-\u024f]+)*|\d+(?:[.,:/-]\d+)*")
_DAYS: Final = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august "
    "september october november december".split()
)


def masked_words(sentence: Sentence) -> list[str]:
    """Return the words in lower case with each actor, number and date expression as one `_`.

    "May" is masked as a month wherever it stands: likeness is then overstated, never understated.
    """
    text = sentence.text
    spans = sorted([(m.start, m.end) for m in sentence.mentions] + list(sentence.dates), reverse=True)
    for start, end in spans:
        text = f"{text[:start]} 0 {text[end:]}"
    words = (match[0].lower() for match in _WORD.finditer(text))
    return ["_" if word[0].isdigit() or word in _DAYS else word for word in words]


def _grams(sentence: Sentence) -> frozenset[tuple[str, ...]]:
    words = masked_words(sentence)
    return frozenset(tuple(words[i : i + _GRAM]) for i in range(len(words) - _GRAM + 1)) or frozenset([tuple(words)])


def likeness_pairs(sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, Sentence, float]]:
    """Yield the pairs that share more than LARGEST_LIKENESS of the smaller one's masked 4-grams."""
    grams = [_grams(sentence) for sentence in sentences]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, own in enumerate(grams):
        shared: Counter[int] = Counter(other for gram in own for other in holders[gram])
        for other, count in shared.items():
            part = count / min(len(own), len(grams[other]))
            if part > LARGEST_LIKENESS:
                yield sentences[other], sentences[index], part
        for gram in own:
            holders[gram].append(index)


def shared_between_parts(sentences: Iterable[tuple[str, Sentence]]) -> Iterator[str]:
    """Yield the topics and writers that stand in more than one part; `sentences`: (part, sentence)."""
    parts: dict[str, set[str]] = defaultdict(set)
    for part, sentence in sentences:
        if sentence.topic:
            parts[f"topic {sentence.topic}"].add(part)
        parts[f"writer {sentence.ident.split(':')[0].split('.')[0]}"].add(part)
    for name, found in sorted(parts.items()):
        if len(found) > 1:
            yield f"{name} stands in {' and '.join(sorted(found))}; parts share neither topics nor writers"


def _read(paths: Iterable[Path]) -> tuple[list[tuple[str, Sentence]], int, int]:
    """Print the errors of the files and return (part, sentence), the number of reports and that of errors."""
    sentences: list[tuple[str, Sentence]] = []
    reports = errors = 0
    for path in paths:
        for item in read_reports(path) if path.name.endswith(".reports.txt") else read_sentences(path):
            if isinstance(item, MarkError):
                errors += 1
                print(item)
            elif isinstance(item, Sentence):
                sentences.append((path.parent.name, item))
            else:
                reports += 1
                sentences.extend((path.parent.name, sentence) for sentence in item.sentences)
    return sentences, reports, errors


def _texts(folder: Path) -> Iterator[Path]:
    """Yield the files of marked sentences below a folder: of the whole corpus, those of its parts."""
    parts = [folder / part for part in ("train", "dev", "test") if (folder / part).is_dir()] or [folder]
    for part in parts:
        yield from part.glob("*.txt")


def main(arguments: Sequence[str]) -> int:
    """Print errors, too like pairs and the shares of types, modes and negatives."""
    paths = [Path(argument) for argument in arguments]
    files = sorted(file for path in paths for file in (_texts(path) if path.is_dir() else [path]))
    by_part, reports, errors = _read(files)
    sentences = [sentence for _, sentence in by_part]
    for problem in shared_between_parts(by_part):
        errors += 1
        print(problem)
    for one, other, part in likeness_pairs(sentences):
        errors += 1
        print(f"{one.ident} and {other.ident} share {part:.0%} of their 4-grams:\n  {one.text}\n  {other.text}")
    alone = [sentence for sentence in sentences if sentence.topic]
    negatives = sum(not sentence.coded for sentence in alone)
    types = Counter(event.plover for sentence in sentences for event in sentence.coded)
    modes = Counter(event.mode for sentence in sentences for event in sentence.events)
    styles = Counter(sentence.style for sentence in sentences)
    print(f"{len(sentences)} sentences, {reports} reports, {negatives} without a coded event, {errors} errors")
    print("coded:", ", ".join(f"{name} {types[name]}" for name in PLOVER_TYPES))
    print("modes:", ", ".join(f"{name} {modes[name]}" for name in MODES))
    print("styles:", dict(styles), "topics:", dict(Counter(sentence.topic for sentence in sentences)))
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
