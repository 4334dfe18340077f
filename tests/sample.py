"""A sample of reports through the whole core: its tables, its events, its verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.cli.lines import ReportLines
from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import coder_of
from streams.core.dedup import DedupState, Verdict, decide
from streams.core.fold import Fold
from streams.core.models import CodedEvent, Report

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass
class FoldedSample:
    """`events`: those that stand at the end. `verdicts`: the last one of each report id."""

    pipeline: Fold
    events: list[CodedEvent]
    verdicts: dict[str, Verdict]

    def triples(self) -> set[tuple[str, str, str]]:
        return {(event.source_actor.id, event.target_actor.id, event.plover) for event in self.events}

    def ranking(self, as_of: datetime) -> list[str]:
        """Return the actors by tension at `as_of`, the most tense first."""
        ledger = self.pipeline.ledger
        rows = [tension.actor_row(ledger, actor, as_of, {}) for actor in tension.actors(ledger)]
        return [row.actor for row in sorted(rows, key=lambda row: (-row.tension, row.actor))]


def fold_sample(path: Path) -> FoldedSample:
    codebook = load_codebook()
    lines = ReportLines((str(path),))
    newest: dict[str, CodedEvent] = {}

    def keep(event: CodedEvent) -> None:
        newest[event.event_id] = event

    pipeline = Fold(coder_of(codebook), codebook.version, lines.report, keep)
    state, verdicts = DedupState(), dict[str, Verdict]()
    for seq, place in enumerate(lines):
        assert isinstance(place.report, Report), place
        pipeline.push(place.report, seq=seq)
        decision = decide(state, place.report, seq=seq)
        verdicts.update(decision.verdicts)
        for write in decision.writes:
            state.apply(write)
    lines.close()
    return FoldedSample(pipeline, [event for event in newest.values() if not event.retracted], verdicts)
