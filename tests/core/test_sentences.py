"""Where sentences begin and end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.sentences import split_sentences


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Gen. Smith left the U.S. on Monday.", "He met Lt. Col. Jones."],
        ["The U.S. Navy sailed.", "It was late."],
        ["He flew to the U.S.", "The visit lasted a day."],
        ["“We will not go,” he said.", "They went."],
        ["She said: “No.”", "Then she left."],
        ["It cost $2.5 million on Nov. 3 in St. Petersburg.", "Nobody paid."],
        ["Is it true?", "Nobody knows!", "Perhaps..."],
        ["One line without a stop", "Another paragraph"],
        ["Mr. J. P. Morgan spoke.", "No. 10 denied it."],
    ],
)
def test_known_sentences(expected: list[str]) -> None:
    joint = "\n\n" if not expected[0].endswith((".", "!", "?", "”", "'")) else " "
    assert sentences(joint.join(expected)) == expected


def test_start_skips_the_title() -> None:
    text = "A title\n\nA text. More."
    assert [text[a:b] for a, b in split_sentences(text, len("A title"))] == ["A text.", "More."]


@given(st.text(alphabet="Ab .!?\n\"”'U.S,", max_size=80))
def test_spans_are_ordered_and_cover_every_word(text: str) -> None:
    spans = split_sentences(text)
    assert all(a < b for a, b in spans)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
