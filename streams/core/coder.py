"""Reading reports: sentences, the frames found in them, and who did what to whom on which day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from streams.core.clauses import Sentence, read_sentence
from streams.core.dates import TimeExpression, time_expressions
from streams.core.frames import Finder
from streams.core.models import QUAD_CLASS, ActorRef, Coding
from streams.core.phrases import Antecedents
from streams.core.reports import full_text
from streams.core.roles import Roles
from streams.core.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.core.actors import Mention
    from streams.core.codebook import Codebook
    from streams.core.stance import Act

__all__ = ["code_report"]

# A role filled by "it", "they" or "the kingdom" is read less reliably than one filled by a name.
_REFERENCE_FACTOR: Final = 0.85
# What an allegation is coded as, and how much less sure than the act it alleges.
_ALLEGED_CAMEO: Final = "112"
_ALLEGED_FACTOR: Final = 0.85
# What happened longer ago is told as background: it is past the memory of the tables (docs/explanation/tension.md).
_HISTORY: Final = timedelta(days=65)
# Sentences longer than this, in characters, are lists and tables, not prose.
_LONGEST_SENTENCE: Final = 1500


# More actors than this that act on each other are a conference, not dyads.
_LARGEST_CIRCLE: Final = 4
# "BEIRUT (Agency) - ", "WASHINGTON, April 2 -- ": where a report was written acts in nothing.
_DATELINE: Final = re.compile(
    r"[A-Z][A-Z .'/-]+(?:, [A-Z][\w .]+?)?(?:,? [A-Z][a-z]{2,8}\.? \d{1,2})?(?: ?\([^)\n]{2,40}\))? ?(?:--?|\u2013|—) "
)


class _Context(NamedTuple):
    """What earlier sentences left behind: actors for pronouns, and whether the last one told of the past."""

    topic: tuple[Mention, ...] = ()
    pair: tuple[Mention, ...] = ()
    background: bool = False


def code_report(codebook: Codebook, title: str, text: str, published_at: datetime) -> list[Coding]:
    """Return the events that a report asserts, in the order of its text.

    Offsets refer to `full_text(title, text)`; the title, if any, is sentence 0.
    """
    whole = full_text(title, text)
    published_on = published_at.astimezone(UTC).date()
    forms, triggers = codebook.catalogue.scan(whole)
    # Most reports of a wire name nobody or tell of no act: one pass of the matcher says so.
    mentions = codebook.catalogue.find(whole, published_on, forms) if triggers else []
    codings: list[Coding] = []
    context = _Context()
    if not mentions:
        return codings
    for number, (start, end, inside) in enumerate(_sentences(whole, title, mentions)):
        if (not inside and not context.topic) or end - start > _LONGEST_SENTENCE:
            continue
        reading = _Reading(codebook, whole, (start, end), inside, context, published_on)
        codings.extend(reading.codings(number))
        context = reading.context()
    titled = 0 < len(title) < len(whole)
    return _date_title(codings) if titled and not time_expressions(whole, 0, len(title), published_on) else codings


def _date_title(codings: list[Coding]) -> list[Coding]:
    """Let the events of an undated title happen when the text says: a title tells what the text tells again."""
    told: dict[tuple[str, str, str], date] = {}
    for coding in codings:
        if coding.sentence:
            told.setdefault(_triple(coding), coding.occurred_on)
    return [
        coding if coding.sentence else replace(coding, occurred_on=told.get(_triple(coding), coding.occurred_on))
        for coding in codings
    ]


def _triple(coding: Coding) -> tuple[str, str, str]:
    return coding.source_actor.id, coding.target_actor.id, coding.plover


def _sentences(whole: str, title: str, mentions: list[Mention]) -> Iterator[tuple[int, int, list[Mention]]]:
    begin = len(title) if title and len(title) < len(whole) else 0
    spans = [(0, begin)] if begin else []
    position = 0
    for start, end in [*spans, *split_sentences(whole, begin)]:
        while position < len(mentions) and mentions[position].start < start:
            position += 1
        first = position
        while position < len(mentions) and mentions[position].end <= end:
            position += 1
        yield start, end, mentions[first:position]


class _Reading:
    """One sentence being read."""

    def __init__(
        self,
        codebook: Codebook,
        whole: str,
        span: tuple[int, int],
        mentions: list[Mention],
        context: _Context,
        published_on: date,
    ) -> None:
        self._codebook, self._whole, self._span = codebook, whole, span
        self._context, self._published_on = context, published_on
        dateline = _DATELINE.match(whole, *span)
        begin = dateline.end() if dateline else span[0]
        inside = [mention for mention in mentions if mention.start >= begin]
        self._sentence: Sentence = read_sentence(whole, begin, span[1], inside, codebook.grammar)
        self._roles = Roles(self._sentence, codebook.grammar, self._antecedents())
        self._acts: list[Act] = []
        self._pair: tuple[Mention, ...] = ()
        self._background = False

    def _antecedents(self) -> Antecedents:
        # Earlier actors get indexes below zero, so that one table holds all actors of the sentence.
        table = self._sentence.mentions
        keys: list[int] = []
        for mention in (*self._context.topic, *self._context.pair):
            key = -len(keys) - 1
            table[key] = mention
            keys.append(key)
        size = len(self._context.topic)
        return Antecedents(tuple(keys[:size]), tuple(keys[size:]))

    def context(self) -> _Context:
        """Return what this sentence leaves behind for the next."""
        table = self._sentence.mentions
        topic = tuple(table[index] for index in self._roles.topic() if index >= 0)
        if not topic:
            opens = self._sentence.tags[:1]
            return (self._context if opens == ["H"] else _Context())._replace(background=self._background)
        return _Context(topic, topic if len(topic) > 1 else self._pair, self._background)

    def codings(self, number: int) -> list[Coding]:
        """Return the events of the sentence."""
        expressions = time_expressions(self._whole, *self._span, self._published_on)
        self._background = self._is_background(expressions)
        if self._background or self._whole[self._span[1] - 1] == "?":
            return []
        finder = Finder(self._codebook, self._sentence, self._roles)
        codings: list[Coding] = []
        seen: set[tuple[str, str, str]] = set()
        for act in finder.acts():
            for source, target in self._dyads(act):
                coding = self._coding(number, act, source, target, expressions)
                key = _triple(coding)
                if self._published_on - coding.occurred_on > _HISTORY:
                    # One old date makes background of the whole sentence: its other acts carry none of their own.
                    self._background = True
                    return []
                if key not in seen:
                    seen.add(key)
                    codings.append(coding)
        return codings

    def _is_background(self, expressions: list[TimeExpression]) -> bool:
        modality, words = self._codebook.modality, self._sentence.words
        if self._context.background and modality.dates_from_before(words):
            return True
        return modality.is_background(words) or any(expression.day is None for expression in expressions)

    def _dyads(self, act: Act) -> Iterable[tuple[int, int]]:
        table = self._sentence.mentions
        if act.among:
            circle = act.sources if len(act.sources) <= _LARGEST_CIRCLE else ()
            pairs: Iterable[tuple[int, int]] = permutations(circle, 2)
        else:
            pairs = [(source, target) for source in act.sources for target in act.targets]
            if act.reciprocal:
                pairs = [*pairs, *((target, source) for source, target in pairs)]
        kept = [(s, t) for s, t in pairs if _differ(table[s], table[t], act)]
        if kept and (act.reciprocal or act.among):
            self._pair = (table[kept[0][0]], table[kept[0][1]])
        return kept

    def _coding(self, number: int, act: Act, source: int, target: int, expressions: list[TimeExpression]) -> Coding:
        start, end = self._span
        cameo = act.cameo
        factor = _REFERENCE_FACTOR if source < 0 or target < 0 else 1.0
        if act.alleged:
            cameo, factor = _ALLEGED_CAMEO, factor * _ALLEGED_FACTOR
        return Coding(
            sentence=number,
            span=self._span,
            text=self._whole[start:end],
            source_actor=_reference(self._sentence.mentions[source]),
            target_actor=_reference(self._sentence.mentions[target]),
            plover="ACCUSE" if act.alleged else act.plover,
            mode="asserted",
            cameo=cameo,
            goldstein=self._codebook.value_of(cameo),
            confidence=round(act.confidence * factor, 3),
            occurred_on=self._day(act, expressions),
        )

    def _day(self, act: Act, expressions: list[TimeExpression]) -> date:
        spans = self._sentence.spans
        left, right = spans[act.first][0], spans[act.last - 1][1]
        verb = spans[act.head][0]
        near = [e for e in expressions if left <= e.start and e.end <= right and e.day is not None]
        if act.alleged or not near:
            return self._published_on
        nearest = min(near, key=lambda e: (e.start < verb, abs(e.start - verb)))
        return nearest.day or self._published_on


def _differ(source: Mention, target: Mention, act: Act) -> bool:
    """Return whether the two are two: other actors, or two sectors of one country acting on each other."""
    if source.actor != target.actor:
        return True
    sectors = {source.sector, target.sector}
    return QUAD_CLASS[act.plover] == "material_conflict" and not act.among and None not in sectors and len(sectors) > 1


def _reference(mention: Mention) -> ActorRef:
    return ActorRef(
        id=mention.actor,
        country=mention.country,
        sector=mention.sector,
        name=mention.name,
        mention=(mention.start, mention.end),
    )
