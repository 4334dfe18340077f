"""`tensionwire dedup FILE`: which reports repeat which, after the whole file."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import click

from streams.cli.lines import EXIT_REJECTED, ReportLine, ReportLines, input_id, warn_rejected, write_json
from streams.core import dedup as core
from streams.core.errors import ReportRejectedError
from streams.core.models import Report


class _Row(NamedTuple):
    id: Any  # As the input calls it.
    report: Report | None
    repeated: bool


class _Reader:
    """Folds the lines into the dedup state and remembers what `dedup` must answer for each."""

    def __init__(self) -> None:
        self.state = core.DedupState()
        self.rows: list[_Row] = []
        # Over all languages: between them only `rev` compares.
        self.newest: dict[str, str] = {}
        self.ids: dict[str, Any] = {}
        # (language, report_id) -> what was last said of it; the state itself forgets after two weeks of event time.
        self.verdicts: dict[tuple[str, str], core.Verdict] = {}

    def take(self, seq: int, place: ReportLine) -> None:
        """Take one line."""
        own_id = input_id(place.line.raw, place.report)
        report = place.report
        if isinstance(report, Report):
            decision = core.decide(self.state, report, seq=seq)
            report = decision.rejected or report
        if isinstance(report, ReportRejectedError):
            warn_rejected(place._replace(report=report))
            self.rows.append(_Row(own_id, None, repeated=False))
            return
        self._follow(report.language, decision)
        self.rows.append(_Row(own_id, report, repeated="repeated" in decision.discards))
        self.newest[report.report_id] = max(report.rev, self.newest.get(report.report_id, ""))
        self.ids.setdefault(report.report_id, own_id)

    def _follow(self, language: str, decision: core.DedupDecision) -> None:
        for write in decision.writes:
            self.state.apply(write)
        for report_id, verdict in decision.verdicts.items():
            # Once the newest version has expired from the state, an older one may be judged again.
            known = self.verdicts.get((language, report_id))
            if known is None or verdict.max_rev >= known.max_rev:
                self.verdicts[language, report_id] = verdict

    def answer(self, row: _Row) -> dict[str, Any]:
        """Return the output line of a row: final verdicts."""
        if row.report is None:
            return _answer(row.id, None, "rejected")
        report = row.report
        if row.repeated or report.rev != self.newest[report.report_id]:
            return _answer(row.id, report.report_id, "superseded")
        verdict = self.verdicts[report.language, report.report_id]
        if verdict.duplicate_of is None:
            return _answer(row.id, report.report_id, "unique")
        original = self.ids.get(verdict.duplicate_of)
        return _answer(row.id, report.report_id, "duplicate", original, verdict.similarity)


def _answer(
    own_id: Any,  # noqa: ANN401 - as the input calls it
    report_id: str | None,
    verdict: str,
    duplicate_of: Any = None,  # noqa: ANN401 - as above
    similarity: float | None = None,
) -> dict[str, Any]:
    return {
        "id": own_id,
        "report_id": report_id,
        "verdict": verdict,
        "duplicate_of": duplicate_of,
        "similarity": similarity,
    }


@click.command()
@click.argument("file")
def dedup(file: str) -> None:
    """Find duplicates in FILE (NDJSON of raw reports, - for standard input), one line a report in input order.

    The verdicts are final ones: a copy that comes before its original in FILE is still the copy. An older version of
    a report, or the same one again, is "superseded".

    \b
    Output:  {"id", "report_id", "verdict": "unique"|"duplicate"|"superseded"|"rejected", "duplicate_of", "similarity"}
    Exit:    0 ok, 3 some lines rejected, 2 FILE unreadable
    Example: tensionwire dedup reports.ndjson | grep duplicate
    """
    reader = _Reader()
    for seq, place in enumerate(ReportLines((file,), keep=False)):
        reader.take(seq, place)
    for row in reader.rows:
        write_json(reader.answer(row))
    sys.exit(EXIT_REJECTED if any(row.report is None for row in reader.rows) else 0)
