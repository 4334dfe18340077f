"""Where the sentences of a report begin and end."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["split_sentences"]

# A stop that may end a sentence, with closing quotes and brackets, or an empty line.
_STOP: Final = re.compile(r"[.!?…]+[\"'”\u2019»)\]]*(?=\s|\Z)|\n[ \t]*\n")
_WORD_BEFORE: Final = re.compile(r"[^\s(\[\"'“\u2018«]*\Z")
_SPACE: Final = re.compile(r"\s*")
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.)+\Z")
_OPENERS: Final = "\"'“\u2018«(["
# Abbreviations that are followed by a name or a number, never by a new sentence.
_TITLES: Final = frozenset(
    "mr mrs ms dr prof gen lt col maj capt cmdr adm sgt brig sen rep gov pres amb hon rev fr st ste sr jr messrs vs no "
    "jan feb mar apr jun jul aug sept sep oct nov dec approx cf e.g i.e etc inc ltd corp co mt ft".split()
)


def split_sentences(text: str, start: int = 0) -> list[tuple[int, int]]:
    """Return the [start, end) offsets of the sentences of `text` from `start` on, without surrounding space.

    >>> text = "Gen. Smith left the U.S. on Monday. He met Lt. Col. Jones."
    >>> [text[a:b] for a, b in split_sentences(text)]
    ['Gen. Smith left the U.S. on Monday.', 'He met Lt. Col. Jones.']
    """
    spans: list[tuple[int, int]] = []
    begin = _skip_space(text, start)
    for stop in _STOP.finditer(text, start):
        if stop.start() < begin or not _ends_sentence(text, begin, stop):
            continue
        end = stop.start() if text[stop.start()] == "\n" else stop.end()
        if end > begin:
            spans.append((begin, end))
        begin = _skip_space(text, stop.end())
    end = len(text.rstrip())
    if end > begin:
        spans.append((begin, end))
    return spans


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _ends_sentence(text: str, begin: int, stop: re.Match[str]) -> bool:
    if text[stop.start()] != "." or stop.group().startswith(".."):
        return True
    following = _skip_space(text, stop.end())
    if following >= len(text):
        return True
    if text[following].islower() or (text[following] in ",;"):
        return False
    before = _WORD_BEFORE.search(text, begin, stop.start())
    word = before.group() if before else ""
    if len(stop.group()) > 1:
        return True
    if word.lower() in _TITLES and (word.lower() != "no" or text[following].isdigit()):
        return False
    if _INITIALS.match(word + "."):
        return _opens_sentence(text, following) and len(word) > 1
    return True


# Words that follow "the U.S." only when a new sentence begins.
_SENTENCE_OPENERS: Final = frozenset(
    "the a an it he she they we i this that these those in on at but and however meanwhile there his her its their if "
    "when while after as for".split()
)
_FIRST_WORD: Final = re.compile(r"[^\W_]+")


def _opens_sentence(text: str, position: int) -> bool:
    if text[position] in _OPENERS:
        return True
    word = _FIRST_WORD.match(text, position)
    return word is not None and word.group().lower() in _SENTENCE_OPENERS
