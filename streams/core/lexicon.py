"""The trigger lexicon: frames such as `S accuse T of`, compiled so that one look-up per word finds the candidates.

A frame is one line of the data: a role (`S` source, `T` target), the head verb with its alternatives, particles tied to
it by `_`, then words and roles in the order of the text. `S+` says that the subject names two or more actors who act
on each other. A noun frame begins with the noun: `attack on|against T`, `talks between S+`, `S talks with T`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streams.core.errors import CodebookError
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Frame", "Lexicon", "NounFrame", "Slot", "Trigger", "build_lexicon", "inflect"]

_VOWELS: Final = "aeiou"
_CAMEO: Final = re.compile(r"\d{2,4}\Z")
_GROUP_FIELDS: Final = frozenset({"plover", "cameo", "confidence", "reciprocal", "flags", "verbs", "nouns"})
_FLAGS: Final = frozenset({"place", "help"})


class Slot(NamedTuple):
    """One element after the head: a role, or one of several words."""

    role: str
    words: frozenset[str]


class Frame(NamedTuple):
    """A verb frame; `flags`: see docs of the lexicon file."""

    plover: str
    cameo: str
    confidence: float
    reciprocal: bool
    flags: frozenset[str]
    subject: str
    particles: tuple[str, ...]
    slots: tuple[Slot, ...]
    line: str

    @property
    def weight(self) -> float:
        """How specific the frame is: 1 for a bare verb, more for each word it demands."""
        return 1.0 + 0.5 * (len(self.particles) + sum(1 for slot in self.slots if not slot.role))


class NounFrame(NamedTuple):
    """A noun frame: `before` says that the source stands before the noun; then slots as in `Frame`."""

    plover: str
    cameo: str
    confidence: float
    reciprocal: bool
    flags: frozenset[str]
    slots: tuple[Slot, ...]
    line: str

    @property
    def weight(self) -> float:
        """How specific the frame is, on the scale of `Frame.weight`."""
        return 0.5 + 0.5 * sum(1 for slot in self.slots if not slot.role)


class Trigger(NamedTuple):
    """A verb form of some frames. `form`: base, s, past, participle, ing; one word may have several."""

    lemma: str
    forms: frozenset[str]
    frames: tuple[Frame, ...]


class Lexicon(NamedTuple):
    """Verb forms and nouns, by lower-case word."""

    verbs: Mapping[str, tuple[Trigger, ...]]
    nouns: Mapping[str, tuple[NounFrame, ...]]
    cues: Mapping[str, tuple[tuple[str, float], ...]]
    size: int


def build_lexicon(files: Mapping[str, Mapping[str, Any]]) -> Lexicon:
    """Return the compiled lexicon of parsed data files, given by name.

    Raises: CodebookError naming file, entry and remedy.
    """
    irregular: dict[str, tuple[str, str, str]] = {}
    by_lemma: dict[str, list[Frame]] = {}
    nouns: dict[str, list[NounFrame]] = {}
    cues: dict[str, tuple[tuple[str, float], ...]] = {}
    size = 0
    for name, data in files.items():
        file = f"{name}.toml"
        irregular |= _irregular(data.get("irregular", ""), file)
        cues |= _cues(data.get("cues", {}), file)
        for group in data.get("frames", []):
            size += _add_group(group, file, by_lemma, nouns)
    ordered = {word: tuple(sorted(frames, key=_specificity)) for word, frames in nouns.items()}
    return Lexicon(_index_verbs(by_lemma, irregular), ordered, cues, size)


def _add_group(
    group: Mapping[str, Any], file: str, by_lemma: dict[str, list[Frame]], nouns: dict[str, list[NounFrame]]
) -> int:
    """Add the frames of one group and return how many lines it has."""
    _check_group(group, file)
    size = 0
    for line in _lines(group.get("verbs", "")):
        size += 1
        for lemma, frame in _verb_frames(line, group, file):
            by_lemma.setdefault(lemma, []).append(frame)
    for line in _lines(group.get("nouns", "")):
        size += 1
        for word, noun in _noun_frames(line, group, file):
            nouns.setdefault(word, []).append(noun)
    return size


def inflect(lemma: str, irregular: Mapping[str, tuple[str, str, str]]) -> dict[str, str]:
    """Return the five forms of a verb.

    >>> inflect("ban", {})["ing"], inflect("deny", {})["past"], inflect("seize", {})["s"]
    ('banning', 'denied', 'seizes')
    """
    past, participle, third = irregular.get(lemma) or (_past(lemma), _past(lemma), _third(lemma))
    return {"base": lemma, "s": third, "past": past, "participle": participle, "ing": _ing(lemma)}


def _third(lemma: str) -> str:
    if lemma.endswith("y") and lemma[-2] not in _VOWELS:
        return lemma[:-1] + "ies"
    return lemma + ("es" if lemma.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def _doubles(lemma: str) -> bool:
    # Verbs of one syllable that end in consonant, vowel, consonant; longer ones double when stressed at the end.
    if lemma in _DOUBLING:
        return True
    return (
        len(lemma) <= 4  # noqa: PLR2004
        and len(re.findall("[aeiou]+", lemma)) == 1
        and len(lemma) > 2  # noqa: PLR2004
        and lemma[-1] not in "aeiouwxy"
        and lemma[-2] in _VOWELS
        and lemma[-3] not in _VOWELS
    )


_DOUBLING: Final = frozenset(
    "admit airdrop allot booby-trap commit compel concur confer debar deter disbar eavesdrop embed equip expel extol "
    "hobnob incur kidnap kneecap outfit patrol permit pistol-whip propel rebel refer regret remit sidestep submit "
    "transfer transmit unban".split()
)


def _past(lemma: str) -> str:
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma.endswith("y") and lemma[-2] not in _VOWELS:
        return lemma[:-1] + "ied"
    return lemma + (lemma[-1] if _doubles(lemma) else "") + "ed"


def _ing(lemma: str) -> str:
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith(("ee", "oe", "ye")):
        return lemma[:-1] + "ing"
    return lemma + (lemma[-1] if _doubles(lemma) else "") + "ing"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in _VOWELS:
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = line.partition("#")[0].strip()
        if stripped:
            yield stripped


def _fail(file: str, line: str, problem: str, remedy: str) -> CodebookError:
    return CodebookError(f"{file}: {line!r}: {problem}; {remedy}")


def _check_group(group: Mapping[str, Any], file: str) -> None:
    name = f"{group.get('plover')} {group.get('cameo')}"
    if group.get("plover") not in PLOVER_TYPES:
        raise _fail(file, name, "'plover' is not a PLOVER type", f"use one of {', '.join(PLOVER_TYPES)}")
    if not _CAMEO.match(str(group.get("cameo"))):
        raise _fail(file, name, "'cameo' is not a code of 2 to 4 digits", 'write cameo = "190"')
    unknown = (set(group) - _GROUP_FIELDS) | (set(group.get("flags", ())) - _FLAGS)
    if unknown:
        raise _fail(file, name, f"unknown {sorted(unknown)}", "correct the spelling")
    if not 0.0 < float(group.get("confidence", 0.8)) <= 1.0:
        raise _fail(file, name, "'confidence' is outside (0, 1]", "write confidence = 0.8")


def _common(group: Mapping[str, Any]) -> tuple[str, str, float, bool, frozenset[str]]:
    flags = frozenset(group.get("flags", ()))
    return group["plover"], group["cameo"], float(group.get("confidence", 0.8)), group.get("reciprocal", False), flags


def _verb_frames(line: str, group: Mapping[str, Any], file: str) -> Iterator[tuple[str, Frame]]:
    words = line.split()
    if len(words) < 2 or words[0] not in ("S", "T", "S+"):  # noqa: PLR2004
        raise _fail(file, line, "a verb frame begins with S, S+ or T and a verb", "write 'S accuse T of'")
    slots = _slots(words[2:])
    plover, cameo, confidence, reciprocal, flags = _common(group)
    for head in words[1].split("|"):
        lemma, *particles = head.split("_")
        yield (
            lemma,
            Frame(plover, cameo, confidence, reciprocal or words[0] == "S+", flags, words[0],
                  tuple(particles), slots, line),
        )  # fmt: skip


def _noun_frames(line: str, group: Mapping[str, Any], file: str) -> Iterator[tuple[str, NounFrame]]:
    words = line.split()
    if not words or words[0] in ("S", "T", "S+") or not {"T", "S+"} & set(words):
        raise _fail(file, line, "a noun frame begins with the noun and has T or S+", "write 'attack on T'")
    plover, cameo, confidence, reciprocal, flags = _common(group)
    noun_confidence = round(confidence * 0.8, 3)
    for noun in words[0].split("|"):
        frame = NounFrame(plover, cameo, noun_confidence, reciprocal, flags, _slots(words[1:]), line)
        yield noun, frame
        yield _plural(noun), frame


def _slots(words: Iterable[str]) -> tuple[Slot, ...]:
    return tuple(
        Slot(word, frozenset()) if word in ("S", "T", "S+", "NP") else Slot("", _with_plurals(word.split("|")))
        for word in words
    )


def _with_plurals(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word, _plural(word)))


def _irregular(text: str, file: str) -> dict[str, tuple[str, str, str]]:
    table: dict[str, tuple[str, str, str]] = {}
    for line in _lines(text):
        words = line.split()
        if len(words) not in (3, 4):
            raise _fail(file, line, "an irregular verb has three or four forms", "write 'shoot shot shot'")
        table[words[0]] = (words[1], words[2], words[3] if len(words) == 4 else _third(words[0]))  # noqa: PLR2004
    return table


def _specificity(frame: Frame | NounFrame) -> tuple[float, str]:
    return -frame.weight, frame.line


def _index_verbs(
    by_lemma: Mapping[str, list[Frame]], irregular: Mapping[str, tuple[str, str, str]]
) -> dict[str, tuple[Trigger, ...]]:
    index: dict[str, list[Trigger]] = {}
    for lemma, frames in by_lemma.items():
        forms: dict[str, set[str]] = {}
        for form, words in inflect(lemma, irregular).items():
            for word in words.split("|"):
                forms.setdefault(word, set()).add(form)
        ordered = tuple(sorted(frames, key=_specificity))
        for word, names in forms.items():
            index.setdefault(word, []).append(Trigger(lemma, frozenset(names), ordered))
    return {word: tuple(triggers) for word, triggers in index.items()}


def _cues(table: Mapping[str, Any], file: str) -> dict[str, tuple[tuple[str, float], ...]]:
    cues: dict[str, list[tuple[str, float]]] = {}
    for plover, text in table.items():
        if plover not in PLOVER_TYPES:
            raise _fail(file, plover, "not a PLOVER type", f"use one of {', '.join(PLOVER_TYPES)}")
        for word in text.split():
            cues.setdefault(word, []).append((plover, 1.0))
    return {word: tuple(entries) for word, entries in cues.items()}
