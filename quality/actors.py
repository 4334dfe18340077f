"""Whether the catalogue finds the actors of a text and means the right ones."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from quality.data import gsr_mentions, modern_mentions, read_part, read_part_reports, read_traps
from quality.intervals import Figure, f1_of, figure, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from corpus.marks import Mention as Gold
    from corpus.marks import Sentence
    from quality.data import GoldMention
    from streams.core.actors import Catalogue, Mention

__all__ = ["Miss", "actor_figures", "mention_misses"]


class Miss(NamedTuple):
    """A mention that was missed, invented or misread; `gold` or `found` is None where the other stands alone."""

    ident: str
    text: str
    gold: Gold | None
    found: Mention | None


# Who has a name in a catalogue of political actors; singers, firms and their like need none.
_POLITICAL: Final = frozenset("GOV MIL COP SPY LEG JUD PTY OPP REB IGO".split())
_LOCATIVE: Final = frozenset("in at near outside inside from to into across around through of toward towards".split())


def _is_wanted(mention: Gold) -> bool:
    return mention.sector in _POLITICAL and not mention.implied and mention.actor != "?"


def _is_aside(sentence: Sentence, mention: Mention) -> bool:
    """Return whether a mention is a bare nationality or a place, which the corpus marks or not as it comes."""
    before = sentence.text[: mention.start].lower().split()[-1:]
    return mention.adjective or (bool(before) and before[0] in _LOCATIVE)


def _match(catalogue: Catalogue, sentence: Sentence) -> tuple[tuple[int, int, int], list[Miss]]:
    """Return (right, found, wanted) and the misses of one sentence.

    A phrase whose actor only the context tells, one of no name and one of no political actor need not be found; one
    that is found with another actor than the marked one is wrong.
    """
    wanted = [mention for mention in sentence.mentions if _is_wanted(mention)]
    found = catalogue.find(sentence.text, sentence.published_on)
    misses: list[Miss] = []
    right = 0
    for gold in wanted:
        near = [mention for mention in found if _overlap(mention, gold)]
        if any(mention.actor == gold.actor for mention in near):
            right += 1
        else:
            misses.append(Miss(sentence.ident, sentence.text, gold, near[0] if near else None))
    wrong = 0
    for mention in found:
        near_gold = [gold for gold in sentence.mentions if _overlap(mention, gold) and gold.actor != "?"]
        if near_gold:
            wrong += not any(mention.actor == gold.actor for gold in near_gold)
        elif not _is_aside(sentence, mention):
            wrong += 1
            misses.append(Miss(sentence.ident, sentence.text, None, mention))
    return (right, right + wrong, len(wanted)), misses


def _overlap(found: Mention, gold: Gold) -> bool:
    return found.start < gold.end and gold.start < found.end


def _sentences(part: str) -> list[Sentence]:
    return [*read_part(part), *(sentence for report in read_part_reports(part) for sentence in report.sentences)]


def mention_misses(catalogue: Catalogue, part: str) -> Iterator[Miss]:
    """Yield what is wrong on a part of the corpus, in its order."""
    for sentence in _sentences(part):
        yield from _match(catalogue, sentence)[1]


def is_right_country(catalogue: Catalogue, gold: GoldMention, *, within: bool) -> bool:
    """Return whether the phrase, alone or `within` its sentence, is resolved to its country.

    An organisation of several countries has none.
    """
    day = date.fromisoformat(gold.on) if gold.on else None
    mention = catalogue.resolve(gold.text, day, gold.context if within else "")
    if len(gold.country) == 3 and gold.country not in ("IGO", "NGO", "MNC"):  # noqa: PLR2004 - ISO alpha-3
        return mention is not None and mention.country == gold.country
    return mention is None or mention.country is None


def _countries(catalogue: Catalogue, gold: Sequence[GoldMention], *, within: bool = True) -> Figure | None:
    return figure([float(is_right_country(catalogue, m, within=within)) for m in gold], share) if gold else None


def _is_fooled(catalogue: Catalogue, day: str, text: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether a namesake is taken for an actor; a nationality that only qualifies ("Spanish lesson") is none."""
    mentions = catalogue.find(text, date.fromisoformat(day))
    return any(m.start < end and start < m.end for m in mentions if not m.adjective for start, end in spans)


def actor_figures(catalogue: Catalogue) -> dict[str, Figure | None]:
    """Return the figures of the catalogue by what is measured on what; None where the set is absent."""
    counts = [_match(catalogue, sentence)[0] for sentence in _sentences("test")]
    gsr, modern, traps = gsr_mentions(), modern_mentions(), read_traps()
    return {
        "mentions, own test part: precision": figure(counts, _precision),
        "mentions, own test part: recall": figure(counts, _recall),
        "mentions, own test part: F1": figure(counts, f1_of),
        "right country, plover_gsr": _countries(catalogue, gsr),
        "right country, plover_gsr, phrases without their sentences": _countries(catalogue, gsr, within=False),
        "right country, actor_mentions_dev": _countries(catalogue, modern),
        "namesakes resolved, own traps": figure([float(_is_fooled(catalogue, *trap)) for trap in traps], share),
    }


def _precision(items: Sequence[tuple[int, int, int]]) -> float:
    return sum(right for right, _, _ in items) / max(sum(found for _, found, _ in items), 1)


def _recall(items: Sequence[tuple[int, int, int]]) -> float:
    return sum(right for right, _, _ in items) / max(sum(wanted for _, _, wanted in items), 1)
