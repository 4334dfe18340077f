"""The one-pass matcher: whole words, any capitals, accents and line ends, offsets into the text as it stands."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from streams.core.matcher import Match, Matcher

PHRASES = ["korea", "north korea", "u.s.", "us", "élysée", "al-Shabaab", "people's republic"]
MATCHER = Matcher(PHRASES)


def spelled(text: str) -> list[tuple[str, str]]:
    return [(text[match.start : match.end], PHRASES[match.phrase]) for match in MATCHER.scan(text)]


def test_phrases_are_found_across_capitals_accents_quotes_hyphens_and_line_ends() -> None:
    text = 'The "North\n  KOREA" and U.S.-led Elysee, (al Shabaab), the People\u2019s  Republic'
    assert spelled(text) == [
        ("North\n  KOREA", "north korea"),
        ("KOREA", "korea"),
        ("U.S.", "u.s."),
        ("Elysee", "élysée"),
        ("al Shabaab", "al-Shabaab"),
        ("People\u2019s  Republic", "people's republic"),
    ]


def test_words_inside_other_words_are_none() -> None:
    assert spelled("usual Koreans, unkorea, us1, \u0436us, us\u0436") == []


def test_longest_of_one_start_comes_first() -> None:
    assert MATCHER.scan("north korea") == [Match(0, 11, 1), Match(6, 11, 0)]


@given(st.lists(st.sampled_from(["north", "korea", "us", "u.s.", " ", "  ", "\n", "-", "\u00e9", "x", ".", "("])))
def test_each_match_spells_its_phrase_and_each_phrase_is_matched(pieces: list[str]) -> None:
    text = "".join(pieces)
    for match in MATCHER.scan(text):
        words = re.sub(r"[\s\-(]+", " ", text[match.start : match.end]).lower()
        assert words == PHRASES[match.phrase]
    folded = re.sub(r"[\s\-(]+", " ", text)
    wanted = len(re.findall(r"(?<![^ ])korea(?![a-z0-9\u00e9])", folded))
    assert sum(match.phrase == 0 for match in MATCHER.scan(text)) == wanted


@given(st.text(max_size=200))
def test_any_text_is_scanned_and_offsets_lie_inside_it(text: str) -> None:
    for match in MATCHER.scan(text + " north  korea"):
        assert 0 <= match.start < match.end <= len(text) + 13


def test_text_of_200_kilobytes_of_one_word_is_scanned_whole() -> None:
    assert len(MATCHER.scan("us " * 70_000)) == 70_000
