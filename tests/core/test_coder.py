"""What the coder reads in sentences of our own, in the reference article, and on which day."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codebook import data_version, load_codebook
from streams.core.coder import code_report
from streams.core.models import PLOVER_TYPES, QUAD_CLASS, Coding
from streams.core.pairs import code_pair
from streams.core.reports import full_text

if TYPE_CHECKING:
    from streams.core.codebook import Codebook

CASES = tomllib.loads((Path(__file__).parent / "coder_cases.toml").read_text("utf-8"))
SEED = Path(__file__).parents[3] / "shared" / "data" / "seed" / "000_bb2d05fdf3801b09.txt"
WEDNESDAY = datetime(2023, 9, 20, 12, tzinfo=UTC)
POSITIVE = [(plover, *case) for plover in PLOVER_TYPES for case in CASES[plover]["cases"]]
NEGATIVE = [(mode, sentence) for mode, sentences in CASES["none"].items() for sentence in sentences]
LEAST_CASES = {"per type": 8, "none": 60}

# Dyads and types a careful analyst reads in the reference article, and those that would be misreadings.
SEED_EVENTS = (
    "ISR ACCUSE SYR, ISR ACCUSE IRN, ISR ACCUSE HEZ, ISR ASSAULT SYR, SYR ASSAULT RUS, RUS AGREE ISR, ISR AGREE RUS, "
    "ISR CONSULT RUS, RUS AID SYR, IRN AID SYR, HEZ AID SYR, KUR ASSAULT ISIS, USA COOPERATE KUR, USA AGREE RUS, "
    "RUS SUPPORT IRN, ISR SUPPORT RUS"
).split(", ")
SEED_MISREADINGS = (
    "HEZ ASSAULT ISR, IRN THREATEN ISR, ISR ASSAULT RUS, ISR ACCUSE RUS, RUS ASSAULT ISR, RUS ASSAULT SYR"
).split(", ")


@pytest.fixture(scope="module")
def codebook() -> Codebook:
    return load_codebook()


def read(codebook: Codebook, text: str, title: str = "", published_at: datetime = WEDNESDAY) -> list[Coding]:
    return code_report(codebook, title, text, published_at)


def triples(codings: list[Coding]) -> list[str]:
    return sorted(f"{coding.source_actor.id} {coding.plover} {coding.target_actor.id}" for coding in codings)


@pytest.mark.parametrize("case", POSITIVE, ids=lambda case: case[1])
def test_sentence_yields_its_events(codebook: Codebook, case: tuple[str, ...]) -> None:
    assert triples(read(codebook, case[1])) == sorted(case[2:])


@pytest.mark.parametrize("case", NEGATIVE, ids=lambda case: case[1])
def test_sentence_that_asserts_nothing_yields_nothing(codebook: Codebook, case: tuple[str, str]) -> None:
    assert triples(read(codebook, case[1])) == []


def test_every_type_has_enough_cases() -> None:
    counts = Counter(case[0] for case in POSITIVE)
    assert min(counts[plover] for plover in PLOVER_TYPES) >= LEAST_CASES["per type"]
    assert len(NEGATIVE) >= LEAST_CASES["none"]


def test_offsets_refer_to_the_full_text_and_the_title_is_sentence_zero(codebook: Codebook) -> None:
    title, text = "Israel bombs Syria", "It was dark. Iran condemned Israel on Tuesday."
    whole = full_text(title, text)
    codings = read(codebook, text, title)
    assert [coding.sentence for coding in codings] == [0, 2]
    for coding in codings:
        start, end = coding.span
        assert whole[start:end] == coding.text
        for actor in (coding.source_actor, coding.target_actor):
            assert actor.mention is not None
            assert whole[slice(*actor.mention)] in ("Israel", "Syria", "Iran")


@pytest.mark.parametrize(
    ("sentence", "day"),
    [
        ("Israel bombed Syria.", date(2023, 9, 20)),
        ("Israel bombed Syria on Monday.", date(2023, 9, 18)),
        ("Israel bombed Syria on Wednesday.", date(2023, 9, 20)),
        ("Israel bombed Syria on Thursday.", date(2023, 9, 14)),
        ("Israel bombed Syria yesterday.", date(2023, 9, 19)),
        ("Israel bombed Syria in August.", date(2023, 8, 1)),
        ("Israel bombed Syria on 3 August 2023.", date(2023, 8, 3)),
        ("On August 3, 2023, Israel bombed Syria.", date(2023, 8, 3)),
        ("Israel bombed Syria two weeks ago.", date(2023, 9, 6)),
        ("Two years after the truce Israel bombed Syria.", date(2023, 9, 20)),
    ],
)
def test_occurrence_day_is_read_from_the_sentence(codebook: Codebook, sentence: str, day: date) -> None:
    assert [coding.occurred_on for coding in read(codebook, sentence)] == [day]


def test_undated_title_happens_when_the_text_says(codebook: Codebook) -> None:
    def days(title: str, text: str) -> set[date]:
        return {coding.occurred_on for coding in read(codebook, text, title)}

    assert days("Israel bombs Syria", "Israel bombed Syria on Monday.") == {date(2023, 9, 18)}
    assert days("Israel bombs Syria", "Iran condemned Israel.") == {date(2023, 9, 20)}
    assert days("Israel bombed Syria on Tuesday", "Israel bombed Syria on Monday.") == {
        date(2023, 9, 18),
        date(2023, 9, 19),
    }


@pytest.mark.parametrize(
    "sentence",
    [
        "Three years ago Israel bombed Syria.",
        "Israel bombed Syria in February.",
        "Israel bombed Syria on 3 March 2022.",
        "In April Israel struck a Syrian airbase after Iran threatened Israel.",
    ],
)
def test_what_happened_before_the_memory_of_the_tables_is_background(codebook: Codebook, sentence: str) -> None:
    assert read(codebook, sentence) == []


def test_sentence_that_takes_its_day_from_history_is_history_too(codebook: Codebook) -> None:
    before = "In October 1973 Syria attacked Israel."
    assert read(codebook, f"{before} Israel bombed Damascus on the sixth day. Weeks later Egypt attacked Israel.") == []
    assert triples(read(codebook, f"{before} Israel bombed Damascus on Monday.")) == ["ISR ASSAULT SYR"]
    assert triples(read(codebook, "Israel bombed Damascus on the sixth day.")) == ["ISR ASSAULT SYR"]


@pytest.mark.parametrize("saying", ["state newspapers alleged", "a local website claimed"])
def test_attack_alleged_by_nobody_in_particular_is_rumour(codebook: Codebook, saying: str) -> None:
    assert read(codebook, f"Saudi Arabia attacked Iran through hired killers, {saying}.") == []


def test_day_without_expression_is_the_utc_day_of_publication(codebook: Codebook) -> None:
    late = datetime.fromisoformat("2023-09-21T01:30:00+03:00")
    assert [coding.occurred_on for coding in read(codebook, "Israel bombed Syria.", published_at=late)] == [
        date(2023, 9, 20)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Turkey protested. It condemned Greece.", ["TUR ACCUSE GRC"]),
        ("Saudi Arabia is rich. The kingdom expelled the Canadian ambassador.", ["SAU SANCTION CAN"]),
        ("Iran and Iraq were tired of war. They agreed to share the river.", ["IRN AGREE IRQ", "IRQ AGREE IRN"]),
        ("The Hungarian prime minister spoke. His government criticised Ukraine.", ["HUN ACCUSE UKR"]),
        ("Turkey condemned Greece and expelled its ambassador.", ["TUR ACCUSE GRC"]),
    ],
)
def test_references_reach_back_to_the_subject_before(codebook: Codebook, text: str, expected: list[str]) -> None:
    assert triples(read(codebook, text)) == expected


def test_claim_about_another_is_an_accusation_and_about_oneself_is_the_act(codebook: Codebook) -> None:
    assert triples(read(codebook, "Iran said Israel bombed Syria.")) == ["IRN ACCUSE ISR"]
    assert triples(read(codebook, "Israel said Israeli jets bombed Syria.")) == ["ISR ASSAULT SYR"]
    assert triples(read(codebook, "Witnesses said Israel bombed Syria.")) == ["ISR ASSAULT SYR"]
    assert triples(read(codebook, "Iran accused Israel of bombing Syria.")) == ["IRN ACCUSE ISR"]


def test_values_are_inside_the_contract(codebook: Codebook) -> None:
    for case in POSITIVE:
        for coding in read(codebook, case[1]):
            assert coding.mode == "asserted"
            assert 0.0 < coding.confidence <= 1.0
            assert round(coding.confidence, 3) == coding.confidence
            cooperative = QUAD_CLASS[coding.plover].endswith("cooperation")
            assert (coding.goldstein > 0) == cooperative, coding


def test_reading_twice_is_the_same(codebook: Codebook) -> None:
    text = " ".join(case[1] for case in POSITIVE)
    assert read(codebook, text) == read(load_codebook(), text)


WORDS = sorted(
    {word for case in POSITIVE for word in case[1].split()} | {",", ", and", ", which", "who", "it", "(", ")"}
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), st.text(max_size=40))
def test_any_text_is_read_without_failing_and_inside_its_bounds(codebook: Codebook, text: str, noise: str) -> None:
    whole = full_text(noise, text)
    for coding in read(codebook, text, noise):
        assert coding.text == whole[slice(*coding.span)]
        assert coding.plover in QUAD_CLASS
        assert coding.source_actor.mention != coding.target_actor.mention


def test_version_names_the_data(codebook: Codebook) -> None:
    assert codebook.version == data_version()
    assert len(codebook.version) == len("0123abcd")


def test_pair_always_gets_a_type(codebook: Codebook) -> None:
    text = "Israel bombed Syria."
    assert code_pair(codebook, text, (0, 6), (14, 19)).plover == "ASSAULT"
    assert code_pair(codebook, text, (14, 19), (0, 6)).plover == "ASSAULT"
    nothing = code_pair(codebook, "Israel Syria", (0, 6), (7, 12))
    assert nothing.plover in PLOVER_TYPES
    assert nothing.quad_class == QUAD_CLASS[nothing.plover]
    assert 0.0 < nothing.confidence < 1.0


@pytest.mark.parametrize("spans", [((0, 6), (0, 6)), ((0, 12), (3, 6)), ((0, 0), (12, 12))])
def test_pair_survives_odd_spans(codebook: Codebook, spans: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert code_pair(codebook, "Israel Syria", *spans).plover in PLOVER_TYPES


@pytest.mark.skipif(not SEED.exists(), reason="the reference article is not in ../shared/data/seed; put it there")
def test_reference_article(codebook: Codebook) -> None:
    codings = read(codebook, SEED.read_text("utf-8"), published_at=datetime(2018, 9, 18, 12, tzinfo=UTC))
    found = set(triples(codings))
    assert set(SEED_EVENTS) <= found
    assert not found & set(SEED_MISREADINGS)
