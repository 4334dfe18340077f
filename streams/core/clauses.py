"""The words of a sentence with their classes, and where the phrases of a clause lie: no parse, only neighbourhoods.

Classes are single characters: A actor, a actor that qualifies a noun, S possessive mark, D determiner, Z agent noun,
E instrument, L voice, F help noun, W other noun or adjective, T time, Y adverb, P preposition, O of, B by, I to,
C coordinator, U subordinator, h that, R relative, H pronoun, X auxiliary, M modal, N negation, V finite or participle,
G -ing form, `,` `;` `(` `)` punctuation, Q quotation mark.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.core.actors import Mention
    from streams.core.lexicon import Lexicon

__all__ = ["Grammar", "Sentence", "build_grammar", "read_sentence"]

_WORD: Final = re.compile(
    r"\w+n[\u2019']t\b|[\u2019'](?:s|ll|d|re|ve)\b|[^\W_]+(?:-[^\W_]+)*|[,;:()\[\]\"“”«»\u2013—]|-"
)
_PUNCTUATION: Final = {
    ",": ",", ";": ";", ":": ";", "\u2013": ";", "—": ";", "-": "-", "(": "(", "[": "(", ")": ")", "]": ")",
    '"': "Q", "“": "Q", "”": "Q", "«": "Q", "»": "Q",
}  # fmt: skip
_CLASSES: Final = (
    ("of", "O"), ("by", "B"), ("to", "I"), ("relatives", "R"), ("modals", "M"), ("auxiliaries", "X"),
    ("negations", "N"), ("determiners", "D"), ("pronouns", "H"), ("coordinators", "C"), ("subordinators", "U"),
    ("prepositions", "P"), ("adverbs", "Y"), ("times", "T"), ("agents", "Z"), ("instruments", "E"), ("voices", "L"),
    ("help_nouns", "F"), ("saying", "V"), ("implicatives", "V"), ("blockers", "V"), ("verbs", "V"),
)  # fmt: skip
# Words in front of which a form that is noun and verb alike ("strikes") is a noun.
_NOUN_CONTEXT: Final = frozenset("DaSOPB")


class Grammar(NamedTuple):
    """The closed classes of `grammar.toml`; `tags`: word -> class."""

    tags: dict[str, str]
    verb_forms: dict[str, frozenset[str]]
    saying: frozenset[str]
    reporters: frozenset[str]
    implicatives: frozenset[str]
    blockers: frozenset[str]
    anaphora_one: frozenset[str]
    anaphora_two: frozenset[str]
    persons: frozenset[str]
    refusing: frozenset[str]
    promising: frozenset[str]
    threatening: frozenset[str]
    requesting: frozenset[str]
    pair_refusing: frozenset[str]
    pair_promising: frozenset[str]
    pair_requesting: frozenset[str]


def build_grammar(data: Mapping[str, Any], lexicon: Lexicon) -> Grammar:
    """Return the word classes of a parsed `grammar.toml`, extended by the verb forms of the lexicon."""
    tags: dict[str, str] = {}
    for name, tag in _CLASSES:
        for word in data[name].split():
            tags.setdefault(word, tag)
    tags["that"] = "h"
    forms = {
        word: frozenset(form for trigger in triggers for form in trigger.forms)
        for word, triggers in lexicon.verbs.items()
    }
    sets = {name: frozenset(data[name].split()) for name in Grammar._fields[2:]}
    return Grammar(tags, forms, **sets)


class Sentence(NamedTuple):
    """One sentence as parallel lists; `mentions`: word index -> actor. Mentions are single words here."""

    words: list[str]
    tags: list[str]
    spans: list[tuple[int, int]]
    capital: list[bool]
    mentions: dict[int, Mention]


def read_sentence(text: str, start: int, end: int, mentions: Sequence[Mention], grammar: Grammar) -> Sentence:
    """Return the words of `text[start:end]`; `mentions` are those inside it, in order."""
    sentence = Sentence([], [], [], [], {})
    position = start
    for mention in mentions:
        _read_words(text, position, mention.start, sentence, grammar)
        sentence.mentions[len(sentence.words)] = mention
        _push(sentence, mention.text.lower(), "a" if mention.adjective else "A", (mention.start, mention.end), True)
        position = mention.end
        if mention.text.endswith(("'s", "\u2019s", "s'", "s\u2019")):
            _push(sentence, "'s", "S", (position, position), False)
    _read_words(text, position, end, sentence, grammar)
    _settle(sentence, grammar)
    return sentence


def _push(sentence: Sentence, word: str, tag: str, span: tuple[int, int], capital: bool) -> None:  # noqa: FBT001
    sentence.words.append(word)
    sentence.tags.append(tag)
    sentence.spans.append(span)
    sentence.capital.append(capital)


def _read_words(text: str, start: int, end: int, sentence: Sentence, grammar: Grammar) -> None:
    known = grammar.tags
    for match in _WORD.finditer(text, start, end):
        raw = match.group()
        word = raw.lower()
        tag = known.get(word) or _guess(word, raw, grammar)
        if tag == "M" and raw == "May":
            tag = "T"
        _push(sentence, word.replace("\u2019", "'"), tag, match.span(), raw[0].isupper())


def _guess(word: str, raw: str, grammar: Grammar) -> str:
    punctuation = _PUNCTUATION.get(word)
    if punctuation:
        return punctuation
    forms = grammar.verb_forms.get(word)
    if forms is not None:
        return "G" if "ing" in forms else "V"
    if word[0].isdigit():
        return "D"
    if word[0] in "'\u2019":
        return "S" if word[1:] == "s" else "M"
    if word.endswith(("n't", "n\u2019t")):
        return "N"
    if raw[0].islower():
        if word.endswith("ed") and len(word) > 4:  # noqa: PLR2004
            return "V"
        if word.endswith("ing") and len(word) > 5:  # noqa: PLR2004
            return "G"
        if word.endswith("ly") and len(word) > 4:  # noqa: PLR2004
            return "Y"
    return "W"


def _settle(sentence: Sentence, grammar: Grammar) -> None:
    """Decide between noun and verb where a form is both."""
    tags, words = sentence.tags, sentence.words
    for index, tag in enumerate(tags):
        if tag == "V":
            if _is_noun(sentence, index, grammar):
                tags[index] = "W"
        elif tag in {"E", "F", "W"}:
            forms = grammar.verb_forms.get(words[index])
            if forms and not _is_noun(sentence, index, grammar):
                tags[index] = "V"
        elif tag == "G" and index and tags[index - 1] in "DaO" and not _has_object(tags, index):
            tags[index] = "W"


def _has_object(tags: Sequence[str], index: int) -> bool:
    return index + 1 < len(tags) and tags[index + 1] in "DAaH"


def _is_noun(sentence: Sentence, index: int, grammar: Grammar) -> bool:
    """Return whether the verb-like form at `index` stands where only a noun or an adjective can."""
    tags, words = sentence.tags, sentence.words
    before = tags[index - 1] if index else ""
    forms = grammar.verb_forms.get(words[index], frozenset())
    past = "past" in forms or "participle" in forms or words[index].endswith("ed") or not forms
    if past and "base" not in forms and "s" not in forms:
        following = tags[index + 1] if index + 1 < len(tags) else ""
        return before in ("D", "S", "a", "O") and following not in ("B", "P", "I")
    if before and (before in _NOUN_CONTEXT or (before in "VG" and "past" not in forms)):
        return True
    if before in ("W", "Z", "E", "L"):
        # "missile strikes", "army attacks": a plural noun in front agrees with the base form only.
        return "s" in forms or not words[index - 1].endswith("s") if "past" not in forms else before != "Z"
    if before == "A" and "base" in forms and "past" not in forms:
        return not _is_plural(sentence, index - 1)
    if before == "A" and "s" in forms and index + 1 < len(tags):
        after = grammar.verb_forms.get(words[index + 1], frozenset())
        verbal = tags[index + 1] == "V" and "base" not in after and "s" not in after
        return (verbal or tags[index + 1] in ("P", "X", "M")) and forms == {"s"}
    if before in ("", "C", ",", "Q", "V", "G", "-"):
        following = tags[index + 1] if index + 1 < len(tags) else ""
        return (
            ("base" in forms and "past" not in forms)
            or following in ("X", "M", "V", "O")
            or (following == "P" and tags[index] in "WF" and "ing" in forms)
        )
    return False


def _is_plural(sentence: Sentence, index: int) -> bool:
    if sentence.words[index].endswith("s") and " " in sentence.words[index]:
        return True
    if sentence.words[index].endswith(("ans", "is", "ese", "ds", "ks", "bs", "rs")):
        return True
    return index > 1 and sentence.tags[index - 1] == "C"
