"""The sketch: frozen by test vectors, small, and alike for copies but not for reports of one template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.sketch import SAMPLE, Sketch, copy_similarity, is_similar, similarity, sketch_keys, sketch_text

SPECIFICATION = Path(__file__).parents[2] / "docs" / "reference" / "sketch.md"

STORY = (
    "Negotiators for the two mining companies broke off merger talks late on Thursday after shareholders in Perth "
    "objected to the price. The larger firm had offered a mixture of cash and bonds, which analysts called generous. "
    "A spokeswoman declined to say whether the bid would be renewed, but unions welcomed the delay and asked the "
    "provincial government to publish its own study of job losses in the copper belt. Trading in both stocks was "
    "halted in Sydney and will resume on Monday."
)
OTHER = (
    "Heavy rain washed away bridges in the southern highlands and cut electricity to dozens of villages, rescue "
    "workers reported. Soldiers carried drinking water to stranded families by mule while engineers from Lima "
    "inspected a cracked dam above the provincial capital. Schools will stay closed until next week."
)
BULLETIN = (
    "Stocks in the main index rose {} points to {} in early trading, dealers said. Volume was {} million shares. "
    "Advances led declines by {} to {} and the currency bought {} yen."
)


def sketch(text: str, title: str = "") -> Sketch:
    return sketch_text(title, text)


def vectors() -> list[dict[str, Any]]:
    blocks = re.findall(r"```json\n(.*?)```", SPECIFICATION.read_text("utf-8"), re.DOTALL)
    return [msgspec.json.decode(block) for block in blocks]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["title"])
def test_sketch_is_the_one_in_the_specification(vector: dict[str, Any]) -> None:
    found = sketch_text(vector["title"], vector["text"])
    assert found.version == vector["version"]
    assert found.size == vector["size"]
    assert found.sample.hex() == vector["sample"]
    assert found.figures.hex() == vector["figures"]
    assert found.names.hex() == vector["names"]


def test_specification_has_its_test_vectors() -> None:
    assert len(vectors()) == 2


@given(st.text(), st.text())
def test_sketch_is_small_and_survives_the_round_trip(title: str, text: str) -> None:
    found = sketch_text(title, text)
    raw = msgspec.msgpack.encode(found)
    assert len(raw) <= 720
    assert msgspec.msgpack.decode(raw, type=Sketch) == found


def test_longest_sketch_takes_at_most_720_bytes() -> None:
    found = sketch(" ".join(f"Name{number} {number}.5" for number in range(10_000)))
    assert len(found.sample) == 4 * SAMPLE
    assert len(msgspec.msgpack.encode(found)) <= 720


WORDS = st.lists(st.sampled_from("Alpha beta Gamma 1 2 3 delta Epsilon 44 zeta".split()), max_size=300).map(" ".join)


@given(WORDS, WORDS)
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    a, b = sketch(one), sketch(other)
    assert similarity(a, b) == similarity(b, a)
    assert 0 <= similarity(a, b) <= 1
    assert copy_similarity(a, b) == copy_similarity(b, a)
    assert copy_similarity(a, b) == (similarity(a, b) if is_similar(a, b) else 0)


@given(st.text(min_size=1))
def test_text_is_similar_to_itself_if_it_has_words(text: str) -> None:
    found = sketch(text)
    assert is_similar(found, found) == (found.size > 0)


def test_truncated_copy_is_similar() -> None:
    lead = STORY[: STORY.index(" A spokeswoman")]
    assert similarity(sketch(STORY), sketch(lead)) > 0.9
    assert is_similar(sketch(STORY), sketch(f"{OTHER} {STORY} {OTHER[::-1]}"))


def test_copy_with_other_typography_and_credits_is_similar() -> None:
    copy = f"PERTH (Wire) -- {STORY.upper().replace(' ', '  ')} All rights reserved."
    assert similarity(sketch(STORY), sketch(copy)) > 0.9


def test_other_story_is_not_similar() -> None:
    assert similarity(sketch(STORY), sketch(OTHER)) == 0
    credits_line = " This material may not be published, broadcast, rewritten or redistributed. All rights reserved."
    assert similarity(sketch(STORY + credits_line), sketch(OTHER + credits_line)) == 0


def test_bulletins_of_one_template_with_other_figures_are_apart() -> None:
    morning = sketch(BULLETIN.format(14.2, 2310.5, 31, 410, 215, 142.7))
    noon = sketch(BULLETIN.format(9.75, 2306.1, 88, 377, 301, 143.4))
    assert not is_similar(morning, noon)
    corrected = sketch(BULLETIN.format(14.2, 2310.5, 31, 410, 251, 142.7))
    assert is_similar(morning, corrected)


def test_thousands_separators_do_not_make_other_figures() -> None:
    assert sketch("costs 3,035,000 in all").figures == sketch("costs 3035000 in all").figures


def test_short_texts_are_similar_only_if_most_of_them_agrees() -> None:
    title = "Minister resigns over lost submarine contract"
    assert is_similar(sketch("", title), sketch(title))
    assert is_similar(sketch("", title), sketch("", f"{title} on Friday"))
    assert not is_similar(sketch("", title), sketch("", "Minister resigns over forged diploma"))
    assert not is_similar(
        sketch("", "Three killed in clash near border"), sketch("", "Four killed in raid near border")
    )
    assert not is_similar(
        sketch("", "Rocket fire kills 3 in border town"), sketch("", "Rocket fire kills 5 in border town")
    )


def test_flash_does_not_make_the_full_report_its_copy() -> None:
    flash = "Merger talks of mining companies fail"
    assert not is_similar(sketch("", flash), sketch(STORY, flash))


def test_text_without_words_is_similar_to_nothing() -> None:
    assert sketch("?! ... \U0001f600").size == 0
    assert similarity(sketch("?!"), sketch("?!")) == 0


def test_text_of_common_phrases_alone_still_equals_itself() -> None:
    assert similarity(sketch("All rights reserved"), sketch("all rights reserved.")) == 1


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    story = "外交部发言人周二在北京表示两国将于下月举行新一轮边境谈判并讨论贸易争端和渔业问题"
    other = "气象台预计未来三天南部沿海地区将有大到暴雨当地学校停课火车站关闭部分线路"
    assert sketch(story).size == len(story) - 2
    assert is_similar(sketch(story), sketch(story[:24]))
    assert not is_similar(sketch(story), sketch(other))


def test_vowel_signs_belong_to_their_word() -> None:
    assert sketch("हिन्दी भाषा में समाचार").size == 2


def test_sketches_of_different_specifications_are_not_compared() -> None:
    found = sketch(STORY)
    assert similarity(found, msgspec.structs.replace(found, version=2)) == 0


def test_sketch_is_filed_under_its_smallest_hashes() -> None:
    keys = sketch_keys(sketch(STORY))
    assert keys == tuple(sorted(keys))
    assert len(keys) == 16
    assert len(sketch_keys(sketch("one two three four"))) == 2
