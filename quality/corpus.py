"""How large and how varied the corpus is, by type: verbs, nouns of action and syntactic frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from corpus.check import masked_words
from quality.data import read_part, read_part_reports
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from corpus.marks import Event, Sentence
    from streams.core.lexicon import Lexicon

__all__ = ["corpus_numbers"]

_PARTS: Final = ("train", "dev", "test")
_PREPOSITIONS: Final = frozenset(
    "of by on to at against with for from in into over between among after about toward towards out off through".split()
)
_NOUN_ENDINGS: Final = ("tion", "sion", "ment", "ence", "ance", "ure", "age", "tions", "sions", "ments")
# Before a noun of action, unless the word can be no verb anyway.
_LEADS_NOUN: Final = frozenset("the a an of for in its their his her this that after before over by new fresh".split())


def _frame(sentence: Sentence, event: Event) -> str:
    """Return the order of source, trigger and target with the prepositions before the two actors."""
    source, target = sentence.mentions[event.source], sentence.mentions[event.target]
    trigger = sentence.triggers[event.trigger]
    parts = sorted([(source.start, "S"), (trigger[0], "V"), (target.start, "T")])
    return " ".join(_before(sentence.text, start) + role for start, role in parts)


def _before(text: str, start: int) -> str:
    words = text[:start].lower().split()[-2:]
    found = next((word for word in reversed(words) if word in _PREPOSITIONS or word in ("was", "were", "been")), "")
    return f"{found}+" if found else ""


def _is_noun(lexicon: Lexicon, before: str, trigger: str) -> bool:
    """Return whether a trigger is a noun of action: by the lexicon, or by the word before where both are possible."""
    word = trigger.rsplit(maxsplit=1)[-1]
    led = before.lower().split()[-1:]
    leads = bool(led) and (led[0] in _LEADS_NOUN or led[0].endswith(("'s", "\u2019s", "s'")))
    if word in lexicon.verbs or word.endswith(("ed", "ing")):
        return leads and word in lexicon.nouns
    return leads or word in lexicon.nouns or word.endswith(_NOUN_ENDINGS)


def corpus_numbers(lexicon: Lexicon) -> dict[str, Any]:
    """Return sizes by part, and for each type its events and distinct verbs, nouns of action and frames."""
    numbers: dict[str, Any] = {}
    seen: dict[str, dict[str, set[str]]] = {
        name: {"verbs": set(), "nouns": set(), "frames": set()} for name in PLOVER_TYPES
    }
    events = dict.fromkeys(PLOVER_TYPES, 0)
    for part in _PARTS:
        sentences, reports = read_part(part), read_part_reports(part)
        numbers[part] = {
            "sentences": len(sentences),
            "negatives": sum(not sentence.coded for sentence in sentences),
            "reports": len(reports),
            "sentences of reports": sum(len(report.sentences) for report in reports),
            "words": sum(len(masked_words(sentence)) for sentence in sentences),
        }
        for sentence in [*sentences, *(sentence for report in reports for sentence in report.sentences)]:
            for event in sentence.coded:
                start, end = sentence.triggers[event.trigger]
                trigger = sentence.text[start:end].lower()
                kind = "nouns" if _is_noun(lexicon, sentence.text[:start], trigger) else "verbs"
                seen[event.plover][kind].add(trigger)
                seen[event.plover]["frames"].add(_frame(sentence, event))
                events[event.plover] += 1
    numbers["types"] = {
        name: {"events": events[name], **{kind: len(values) for kind, values in seen[name].items()}}
        for name in PLOVER_TYPES
    }
    return numbers
