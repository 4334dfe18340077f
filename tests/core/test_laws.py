"""Laws L1 to L4 over the whole fold: deduplication, the real coder, the ledger."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from histories import encode, make_history, make_report

from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import Coder, coder_of
from streams.core.errors import ReportRejectedError
from streams.core.fold import Fold
from streams.core.models import Coding, Report
from streams.core.reports import admit_report

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODEBOOK = load_codebook()
CODER = coder_of(CODEBOOK)


def fold(raws: list[bytes], coder: Coder = CODER) -> Fold:
    reports = [admit_report(raw, ingested_at=NOW) for raw in raws]
    pipeline = Fold(coder, CODEBOOK.version, lambda seq: reports[seq])
    for seq, report in enumerate(reports):
        pipeline.push(report, seq=seq)
    return pipeline


def outcome(pipeline: Fold) -> tuple[object, ...]:
    """Return all that a user can see of a fold: digest and rows."""
    assert pipeline.newest is not None
    state, at = pipeline.ledger, pipeline.newest
    rows = [tension.actor_row(state, actor, at, {}) for actor in tension.actors(state)]
    shown = {row.actor: (row.pressure, row.tension, row.windows) for row in rows if row.windows.month.events}
    dyads = [tension.dyad_row(state, *dyad, at) for dyad in tension.dyads(state)]
    return pipeline.digest(at), shown, {(d.source, d.target): d.pressure for d in dyads if d.windows.month.events}


@pytest.mark.parametrize("seed", range(8))
def test_any_order_within_lateness_gives_the_same_tables(seed: int) -> None:
    raws = make_history(150, seed=seed).raws
    expected = fold(raws)
    assert not any(name.startswith("rejected") for name in expected.counts)
    shuffled = raws[:]
    # All of it lies within 6 days and some hours of delay: any order is within allowed lateness.
    random.Random(seed).shuffle(shuffled)
    kept = [raw for raw in shuffled if isinstance(admit_report(raw, ingested_at=NOW), Report)]
    again = fold(kept)
    if "rejected_too_late" not in again.counts:
        assert outcome(again) == outcome(expected)
    backwards = fold(raws[::-1])
    if "rejected_too_late" not in backwards.counts:
        assert outcome(backwards) == outcome(expected)


@pytest.mark.parametrize("seed", range(4))
def test_languages_may_run_ahead_of_each_other(seed: int) -> None:
    raws = make_history(150, seed=seed).raws
    by_language = sorted(raws, key=lambda raw: str(json.loads(raw)["language"]))
    assert outcome(fold(by_language)) == outcome(fold(raws))


@pytest.mark.parametrize("seed", range(4))
def test_everything_delivered_twice_is_delivered_once(seed: int) -> None:
    raws = make_history(120, seed=seed).raws
    assert outcome(fold([raw for raw in raws for _ in range(2)])) == outcome(fold(raws))
    assert outcome(fold(raws + raws)) == outcome(fold(raws))


def test_withdrawn_reports_leave_nothing_behind() -> None:
    raws = make_history(80, seed=5).raws
    extra = [
        make_report(source="extra", id=f"x{n}", text=f"{a} attacked {b} on Monday. Lonely filler number {n}, {a}{n}.")
        for n, (a, b) in enumerate([("Russia", "Ukraine"), ("Israel", "Syria"), ("Iran", "Iraq")])
    ]
    for fields in extra:
        fields["published_at"] = "2018-09-04T10:00:00Z"
    notices = [{**f, "version": 1, "updated_at": "2018-09-04T12:00:00Z", "status": "withdrawn"} for f in extra]
    middle = len(raws) // 2
    with_extra = raws[:middle] + [encode(f) for f in extra] + raws[middle:] + [encode(f) for f in notices]
    expected, after = fold(raws), fold(with_extra)
    assert expected.newest is not None
    assert after.digest(expected.newest) == expected.digest(expected.newest)
    assert fold(with_extra[:-1]).digest(expected.newest) != expected.digest(expected.newest)


def test_correction_counts_as_if_it_had_been_the_only_version() -> None:
    wrong = make_report(text="Russia attacked Ukraine on Monday. The rest of the report stays.")
    right = {**wrong, "version": 1, "updated_at": "2018-09-18T10:00:00Z", "text": "Russia praised Ukraine on Monday."}
    for order in ([wrong, right], [right, wrong], [right], [wrong, right, wrong]):
        assert outcome(fold([encode(fields) for fields in order])) == outcome(fold([encode(right)]))


def test_late_within_a_week_is_on_time_and_later_is_rejected_and_counted() -> None:
    newest = make_report(id="new", published_at="2018-09-18T00:00:00Z", text="France praised Spain.")
    moment = datetime(2018, 9, 18, tzinfo=UTC)
    in_time = make_report(id="old", published_at=(moment - timedelta(days=7)).isoformat())
    too_late = make_report(id="old", published_at=(moment - timedelta(days=7, seconds=1)).isoformat())
    on_time = fold([encode(in_time), encode(newest)])
    assert outcome(fold([encode(newest), encode(in_time)])) == outcome(on_time)
    late = fold([encode(newest), encode(too_late)])
    assert late.counts["rejected_too_late"] == 1
    assert outcome(late) == outcome(fold([encode(newest)]))


def test_too_late_says_when_the_language_is_where() -> None:
    pipeline = fold([encode(make_report(id="new"))])
    old = admit_report(encode(make_report(id="old", published_at="2018-08-01T00:00:00Z")), ingested_at=NOW)
    error = pipeline.push(old, seq=1)
    assert isinstance(error, ReportRejectedError)
    assert (error.code, error.field) == ("too_late", "updated_at")


def test_every_ledger_entry_names_events_that_stand() -> None:
    raws = make_history(150, seed=9).raws
    reports = [admit_report(raw, ingested_at=NOW) for raw in raws]
    standing: dict[str, bool] = {}

    def keep(event: Any) -> None:
        standing[event.event_id] = not event.retracted

    pipeline = Fold(CODER, CODEBOOK.version, lambda seq: reports[seq], keep)
    for seq, report in enumerate(reports):
        pipeline.push(report, seq=seq)
    named = {name for _, entry in pipeline.ledger.items() if entry.present for name in entry.event_ids}
    assert named == {name for name, stands in standing.items() if stands}


def test_digest_changes_when_one_event_is_dropped() -> None:
    raws = [encode(make_report())]
    dropped: list[Coding] = []

    def coder(report: Report) -> list[Coding]:
        codings = CODER(report)
        if not dropped:
            dropped.append(codings[0])
            return codings[1:]
        return codings

    assert outcome(fold(raws, coder)) != outcome(fold(raws))
