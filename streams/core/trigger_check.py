"""What must hold in the trigger lexicon; the tests run it, and an entry that fails is told with its place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from streams.core.clauses import build_grammar, read_sentence
from streams.core.frames import Finder
from streams.core.lexicon import build_lexicon
from streams.core.pairs import given_mention
from streams.core.phrases import Antecedents
from streams.core.roles import Roles
from streams.core.triggers import frames_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from streams.core.codebook import Codebook
    from streams.core.triggers import TriggerEntry

__all__ = ["check_triggers", "reads_example"]

_SOURCE: Final = "S"
_TARGET: Final = "T"


def check_triggers(
    entries: Mapping[str, Sequence[TriggerEntry]],
    codebook: Codebook,
    forms: Mapping[str, Any],
    grammar: Mapping[str, Any],
) -> Iterator[str]:
    """Yield the problems of the entries by type; `forms` and `grammar` are the coder's parsed files of those names."""
    frames: dict[str, str] = {}
    examples: dict[str, str] = {}
    for rows in entries.values():
        for before, after in pairwise(rows):
            if (before.head, before.frame) >= (after.head, after.frame):
                yield f"{after.place}: not in order; sort the lines by head, then frame"
        for entry in rows:
            text = entry.example.text.lower()
            if entry.frame in frames:
                yield f"{entry.place}: the frame stands already at {frames[entry.frame]}; keep one"
            if text in examples:
                yield f"{entry.place}: the example stands already at {examples[text]}; write one of its own"
            if entry.cameo not in codebook.goldstein:
                yield f"{entry.place}: CAMEO {entry.cameo} has no value in goldstein.toml; correct the code"
            frames[entry.frame], examples[text] = entry.place, entry.place
            if not reads_example(entry, codebook, forms, grammar):
                yield f"{entry.place}: the frame does not read its example; change the frame or the sentence"


def reads_example(
    entry: TriggerEntry, codebook: Codebook, forms: Mapping[str, Any], grammar: Mapping[str, Any]
) -> bool:
    """Return whether the entry alone finds in its example that the source acts on the target."""
    lexicon = build_lexicon({"forms": {"irregular": forms["irregular"]}, entry.plover: frames_of([entry])})
    own = codebook._replace(lexicon=lexicon, grammar=build_grammar(grammar, lexicon))
    example = entry.example
    spans = sorted([(example.source, _SOURCE), (example.target, _TARGET)])
    mentions = [given_mention(example.text, span, role) for span, role in spans]
    sentence = read_sentence(example.text, 0, len(example.text), mentions, own.grammar)
    for act in Finder(own, sentence, Roles(sentence, own.grammar, Antecedents())).acts(asserted_only=False):
        sources = {sentence.mentions[index].actor for index in act.sources}
        targets = {sentence.mentions[index].actor for index in act.targets} if not act.among else sources
        straight = _SOURCE in sources and _TARGET in targets
        if straight or (act.reciprocal and _TARGET in sources and _SOURCE in targets):
            return True
    return False
