"""The corpus keeps its promises: size, variety, split, notation; and the notation refuses what it cannot mean."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pytest

from corpus.check import likeness_pairs, main, shared_between_parts
from corpus.marks import MODES, STYLES, MarkError, Sentence, parse_sentence, read_reports, read_sentences
from quality.agreement import agreement_figures, disagreements
from quality.data import CORPUS, pairs_of_start, read_part, read_part_reports, read_traps
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("train", "dev", "test")
DAY = date(2018, 9, 18)
SENTENCES = {part: read_part(part) for part in PARTS}
REPORTS = {part: read_part_reports(part) for part in PARTS}
ALL = [sentence for part in PARTS for sentence in SENTENCES[part]]


def test_corpus_has_the_size_that_its_datasheet_promises() -> None:
    assert len(ALL) >= 6_000
    assert sum(map(len, REPORTS.values())) >= 300
    assert len(SENTENCES["test"]) >= 900
    assert len(REPORTS["test"]) >= 60


def test_four_in_ten_sentences_are_negatives_that_name_actors() -> None:
    negatives = [sentence for sentence in ALL if not sentence.coded]
    assert len(negatives) >= 0.4 * len(ALL)
    assert sum(bool(sentence.mentions) for sentence in negatives) >= 0.8 * len(negatives)


def test_every_type_mode_and_style_is_there_in_every_part() -> None:
    for part in PARTS:
        types = Counter(event.plover for sentence in SENTENCES[part] for event in sentence.coded)
        modes = Counter(event.mode for sentence in SENTENCES[part] for event in sentence.events)
        assert min(types[name] for name in PLOVER_TYPES) >= 12, (part, types)
        assert min(modes[name] for name in MODES) >= 10, (part, modes)
        assert {sentence.style for sentence in SENTENCES[part]} == STYLES


def test_days_run_from_1990_to_today() -> None:
    years = Counter(sentence.published_on.year for sentence in ALL)
    assert set(years) >= set(range(1990, 2026))


def test_parts_share_neither_writer_nor_topic() -> None:
    assert list(shared_between_parts((part, sentence) for part in PARTS for sentence in SENTENCES[part])) == []


def test_no_two_sentences_are_made_from_one_pattern() -> None:
    inside = [sentence for part in PARTS for report in REPORTS[part] for sentence in report.sentences]
    assert [(one.ident, other.ident) for one, other, _ in likeness_pairs([*ALL, *inside])] == []


def test_first_pairs_are_kept() -> None:
    assert len(pairs_of_start()) >= 850


def test_second_coder_coded_500_sentences_of_the_corpus() -> None:
    figures = agreement_figures()
    assert figures["two coders: a sentence is coded or not"].items >= 500
    assert sum(1 for _ in disagreements()) > 0


def test_traps_are_300_and_each_marks_what_names_nobody() -> None:
    traps = read_traps()
    assert len(traps) >= 300
    assert all(spans for _, _, spans in traps)


def sentence(line: str) -> Sentence:
    return parse_sentence(line, "x:1", DAY)


def test_marks_become_spans_of_the_plain_text_and_events_point_to_them() -> None:
    read = sentence(
        "{1 FRA.MIL French jets} {a struck} {2 AQIM.REB jihadists} {t on Friday} and {3 MLI^.GOV the junta} "
        "{b thanked} them. => NONE"
    )
    assert read.text == "French jets struck jihadists on Friday and the junta thanked them."
    assert [read.text[m.start : m.end] for m in read.mentions] == ["French jets", "jihadists", "the junta"]
    assert [m.implied for m in read.mentions] == [False, False, True]
    assert [read.text[start:end] for start, end in read.triggers] == ["struck", "thanked"]


def test_reciprocal_and_coordinated_events_are_spelt_out() -> None:
    read = sentence("{1 AAA.GOV A} and {2 BBB.GOV B} {a met} {3 CCC.GOV C}. => 1,2<>3 a CONSULT")
    assert [(e.source, e.target) for e in read.events] == [(0, 2), (2, 0), (1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}.", "no ' => '"),
        ("{1 RUS.GOV Moscow {a warned} Ankara. => NONE", "a brace is left over"),
        ("{1 RUS.KGB Moscow} spoke. => NONE", "is no ID.SECTOR"),
        ("{1 RUS.GOV Moscow} {a warned} Ankara. => 1 a 2 THREATEN", "mention '2'"),
        ("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}. => 1 b 2 THREATEN", "trigger 'b'"),
        ("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}. => 1 a 2 SCOLD", "is no type or mode"),
        ("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}. => 1 a THREATEN", "needs one target"),
        ("{1 RUS.GOV Moscow} {a warned} {2 TUR.GOV Ankara}. => 1 a 1 THREATEN", "as source and target"),
        ("{1 RUS.GOV Moscow} {1 TUR.GOV Ankara}. => NONE", "number an actor"),
    ],
)
def test_what_the_notation_cannot_mean_is_refused(line: str, message: str) -> None:
    with pytest.raises(MarkError, match=message):
        sentence(line)


def test_errors_tell_file_and_line_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "w.txt"
    file.write_text("## topic=t style=wire\n2018-09-18 | Good. => NONE\n18 September | Bad. => NONE\n", "utf-8")
    good, bad = read_sentences(file)
    assert isinstance(good, Sentence)
    assert "w.txt:3: '18 September' is no day" in str(bad)
    reports = tmp_path / "w.reports.txt"
    reports.write_text(
        "## topic=t\n# 2018-09-18\nTitle => NONE\nOne. => NONE\n\n# 2018-09-19\nOnly a title => NONE\n", "utf-8"
    )
    first, second = read_reports(reports)
    assert not isinstance(first, MarkError)
    assert len(first.sentences) == 2
    assert "w.reports.txt:6: a report is" in str(second)
    assert main([str(tmp_path)]) == 1


def test_likeness_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "## topic=t style=wire",
        "2018-09-18 | {1 FRA.MIL French warplanes} struck rebel columns near the old town on Friday. => NONE",
        "2018-09-19 | {1 GBR.MIL British jets} struck rebel columns near the old town on Monday. => NONE",
    ]
    (tmp_path / "w.txt").write_text("\n".join(lines), "utf-8")
    assert main([str(tmp_path)]) == 1
    assert "w:2 and w:3 share 100% of their 4-grams" in capsys.readouterr().out


def test_corpus_of_this_repository_passes_its_own_check() -> None:
    assert main([str(CORPUS)]) == 0
