"""Laws L1 to L4 over the whole fold: deduplication, the real coder, the ledger."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from histories import encode, make_history, make_report
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codebook import load_codebook
from streams.core import tension
from streams.core.classify import Coder, coder_of
from streams.core.errors import ReportRejectedError
from streams.core.fold import Fold
from streams.core.models import CodedEvent, Coding, Report
from streams.core.reports import admit_report, full_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.core.ledger import Digest
    from streams.core.tension import ActorRow, DyadRow

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


# Below: the same laws over reports admitted once, on disorders built so that nothing may be rejected, which is
# asserted each time. The whole rows are compared, their baselines too.

LATENESS = timedelta(days=7)
_codings: dict[tuple[str, str, datetime], list[Coding]] = {}


def remembering(report: Report) -> list[Coding]:
    """Code as CODER does; a report that comes again, in another order, is not read again."""
    key = (report.title, report.text, report.published_at)
    if key not in _codings:
        _codings[key] = CODER(report)
    return _codings[key]


class Run:
    """A fold that must accept everything, and the events it leaves standing."""

    def __init__(self, reports: Iterable[Report], coder: Coder = remembering, *, too_late: int = 0) -> None:
        self.reports = list(reports)
        self.newest: dict[str, CodedEvent] = {}
        self.pipeline = Fold(coder, CODEBOOK.version, self.reports.__getitem__, self._keep)
        for seq, report in enumerate(self.reports):
            self.pipeline.push(report, seq=seq)
        assert self.pipeline.counts["rejected_too_late"] == too_late
        assert self.pipeline.counts["accepted"] == len(self.reports) - too_late
        assert self.pipeline.newest is not None
        self.as_of = self.pipeline.newest

    def _keep(self, event: CodedEvent) -> None:
        self.newest[event.event_id] = event

    def standing(self) -> dict[str, CodedEvent]:
        return {key: event for key, event in self.newest.items() if not event.retracted}

    def said(self) -> dict[str, CodedEvent]:
        """Return the standing events without what depends on transport."""
        return {key: msgspec.structs.replace(event, rev="", seq=0) for key, event in self.standing().items()}

    def rows(self) -> dict[str, ActorRow]:
        state, names = self.pipeline.ledger, CODEBOOK.catalogue.names
        rows = [tension.actor_row(state, actor, self.as_of, names) for actor in tension.actors(state)]
        # A row at zero is there only if its actor was ever in the tables: it says nothing about the reports.
        return {row.actor: row for row in rows if row.windows.month.events or row.baseline}

    def dyads(self) -> dict[tuple[str, str], DyadRow]:
        state = self.pipeline.ledger
        rows = [tension.dyad_row(state, *dyad, self.as_of) for dyad in tension.dyads(state)]
        return {(row.source, row.target): row for row in rows if row.windows.month.events}

    def digest(self, as_of: datetime | None = None) -> Digest:
        return self.pipeline.digest(as_of or self.as_of)


def assert_same(one: Run, other: Run) -> None:
    assert one.digest() == other.digest()
    assert one.digest().entries > 0
    assert one.said() == other.said()
    assert one.rows() == other.rows()
    assert one.dyads() == other.dyads()


def admitted(raws: Iterable[bytes]) -> list[Report]:
    return [admit_report(raw, ingested_at=NOW) for raw in raws]


def disorder(reports: Sequence[Report], rng: random.Random) -> list[Report]:
    """Return `reports` as they arrive when each is up to a week late: never behind the watermark by more."""
    delayed = [(report.updated_at + rng.random() * LATENESS, number) for number, report in enumerate(reports)]
    return [reports[number] for _, number in sorted(delayed)]


def by_language(reports: Iterable[Report]) -> dict[str, list[Report]]:
    found: dict[str, list[Report]] = {}
    for report in reports:
        found.setdefault(report.language, []).append(report)
    return found


def interleave(reports: Sequence[Report], rng: random.Random) -> list[Report]:
    """Return the languages' logs, each in its own order, merged at random."""
    logs = by_language(reports)
    turns = [language for language, log in logs.items() for _ in log]
    rng.shuffle(turns)
    readers = {language: iter(log) for language, log in logs.items()}
    return [next(readers[language]) for language in turns]


# All of five days and the forty hours that corrections may follow lies within a week: any order is allowed.
@pytest.mark.parametrize("seed", range(20, 24))
def test_five_days_in_any_order_give_the_same_digest_events_and_rows(seed: int) -> None:
    reports = admitted(make_history(200, seed=seed, days=5).raws)
    expected = Run(reports)
    assert len(by_language(reports)) >= 3
    for order in (random.Random(seed).sample(reports, len(reports)), reports[::-1]):
        assert_same(Run(order), expected)


@pytest.mark.parametrize("days", [25, 60])
@pytest.mark.parametrize("seed", [30, 31])
def test_weeks_in_which_each_report_may_be_a_week_late_give_the_same_rows(seed: int, days: int) -> None:
    reports = admitted(make_history(200, seed=seed, days=days).raws)
    expected = Run(sorted(reports, key=lambda report: report.updated_at))
    assert_same(Run(reports), expected)
    for round_ in range(2):
        assert_same(Run(disorder(reports, random.Random(seed + round_))), expected)


_SMALL = [admitted(make_history(50, seed=seed, days=5).raws) for seed in (40, 41, 42)]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(range(len(_SMALL))), st.randoms(use_true_random=False), st.data())
def test_any_order_with_any_repetitions_gives_the_same_rows(
    number: int, order: random.Random, data: st.DataObject
) -> None:
    reports = _SMALL[number]
    repeated = data.draw(st.lists(st.sampled_from(reports), max_size=10))
    assert_same(Run(order.sample([*reports, *repeated], len(reports) + len(repeated))), Run(reports))


@pytest.mark.parametrize("seed", [50, 51])
def test_languages_one_after_the_other_or_mixed_give_the_same_rows(seed: int) -> None:
    reports = admitted(make_history(200, seed=seed, days=25).raws)
    logs = by_language(reports)
    expected = Run(reports)
    assert_same(Run([report for language in sorted(logs) for report in logs[language]]), expected)
    assert_same(Run([report for language in sorted(logs, reverse=True) for report in logs[language]]), expected)
    assert_same(Run(interleave(reports, random.Random(seed))), expected)


# Lateness is judged within a language: one that lags by months is no less on time.
def test_rows_of_languages_months_apart_are_those_of_languages_side_by_side() -> None:
    reports = admitted(make_history(200, seed=3, days=90).raws)
    logs = by_language(reports)
    apart, expected = Run([report for language in sorted(logs) for report in logs[language]]), Run(reports)
    assert apart.digest() == expected.digest()
    assert apart.rows() == expected.rows()
    assert apart.dyads() == expected.dyads()


def test_correction_in_a_language_months_behind_takes_back_what_it_corrects() -> None:
    wrong = make_report(language="fr", published_at="2018-07-01T00:00:00Z", text="Russia attacked Ukraine.")
    right = later(wrong, 24, version=1, text="Russia attacked Poland.")
    ahead = [
        make_report(id=f"en-{hour}", published_at=f"2018-08-30T{hour}:00:00Z", text=text)
        for hour, text in ((10, "France praised Spain."), (12, "Norway praised Sweden."))
    ]
    first, second, before, after = admitted(map(encode, (*ahead, wrong, right)))
    in_turn = Run([before, after, first, second])
    assert Run([first, before, second, after]).said() == in_turn.said()


@pytest.mark.parametrize("seed", [60, 61])
def test_a_log_read_twice_is_the_log_although_its_beginning_is_too_late_by_then(seed: int) -> None:
    reports = admitted(make_history(150, seed=seed, days=25).raws)
    expected = Run(reports)
    assert_same(Run([report for report in reports for _ in range(2)]), expected)
    again = Fold(remembering, CODEBOOK.version, [*reports, *reports].__getitem__)
    for seq, report in enumerate([*reports, *reports]):
        again.push(report, seq=seq)
    assert again.counts["rejected_too_late"] > 0
    assert again.counts["rejected_too_late"] + again.counts["deduplicate_repeated"] >= len(reports)
    assert again.digest(expected.as_of) == expected.digest()


def strangers(seed: int, days: float, count: int = 40) -> list[dict[str, Any]]:
    """Return fields of fresh reports that share neither id nor text with those of another seed."""
    fields = [json.loads(raw) for raw in make_history(count, seed=seed, days=days).raws]
    fresh = {item["id"]: item for item in fields if "version" not in item and "-copy-" not in item["id"]}
    return [{**item, "id": f"x-{item['id']}", "source": f"x-{item['source']}"} for item in fresh.values()]


def later(fields: dict[str, Any], hours: float, **changes: Any) -> dict[str, Any]:
    moment = datetime.fromisoformat(fields["published_at"]) + timedelta(hours=hours)
    return {**fields, "updated_at": moment.isoformat(), **changes}


@pytest.mark.parametrize("seed", [70, 71])
@pytest.mark.parametrize("days", [4, 25])
def test_history_with_reports_that_are_withdrawn_is_the_history_without_them(seed: int, days: int) -> None:
    rng = random.Random(seed)
    history = admitted(make_history(120, seed=seed, days=days).raws)
    extra = strangers(seed + 1000, days - 2)
    corrected = [later(fields, 3, version=1, text=f"Russia attacked {fields['text']}") for fields in extra[::2]]
    notices = [later(fields, 20, version=2, status="withdrawn") for fields in extra]
    mixed = disorder([*history, *admitted(map(encode, [*extra, *corrected, *notices]))], rng)
    without, after = Run(history), Run(mixed)
    before = Run(disorder([*history, *admitted(map(encode, extra))], rng))
    assert after.digest(without.as_of) == without.digest()
    assert before.digest(without.as_of) != without.digest()
    assert after.said() == without.said()
    # The notices end before the history does: event time is the same, so the rows must be.
    assert after.as_of == without.as_of
    assert after.rows() == without.rows()


@pytest.mark.parametrize("seed", [80, 81])
def test_corrections_count_as_if_only_the_corrected_versions_had_come(seed: int) -> None:
    rng = random.Random(seed)
    history = admitted(make_history(120, seed=seed, days=4).raws)
    wrong, other = strangers(seed + 1000, 3), strangers(seed + 2000, 3)
    right = [later(a, 5, version=1, text=b["text"], language=b["language"]) for a, b in zip(wrong, other, strict=False)]
    versions = admitted(map(encode, [*wrong[: len(right)], *right]))
    mixed = [*history, *versions]
    expected = Run([*history, *versions[len(right) :]])
    assert_same(Run(rng.sample(mixed, len(mixed))), expected)
    assert_same(Run([*history, *versions[len(right) :], *versions[: len(right)]]), expected)


def test_copy_that_came_before_its_original_leaves_only_the_original() -> None:
    original = strangers(90, 1)[0]
    copy = {**later(original, 2), "id": "copy", "source": "elsewhere"}
    copy["published_at"] = copy["updated_at"]
    first, second = admitted(map(encode, (original, copy)))
    late, alone = Run([second, first]), Run([first])
    assert late.digest(alone.as_of) == alone.digest()
    assert {event.outlet for event in late.standing().values()} == {original["source"]}
    assert late.said() == alone.said()


@pytest.mark.parametrize("seed", [100, 101])
def test_reports_delayed_by_up_to_a_week_end_in_the_rows_of_those_on_time(seed: int) -> None:
    rng = random.Random(seed)
    on_time = sorted(admitted(make_history(150, seed=seed, days=20).raws), key=lambda report: report.updated_at)
    arrivals = [
        (report.updated_at + (LATENESS if rng.random() < 0.2 else timedelta()), n) for n, report in enumerate(on_time)
    ]
    assert_same(Run(on_time[n] for _, n in sorted(arrivals)), Run(on_time))


def test_report_eight_days_behind_is_counted_and_changes_nothing() -> None:
    history = sorted(admitted(make_history(150, seed=102, days=12).raws), key=lambda report: report.updated_at)
    newest = max((report for report in history if report.language == "en"), key=lambda report: report.updated_at)
    old = newest.updated_at - timedelta(days=8)
    late = admitted([encode(make_report(source="late", published_at=old.isoformat(), text="Norway attacked Sweden."))])
    assert_same(Run([*history, *late], too_late=1), Run(history))
    assert Run([*late, *history]).digest() != Run(history).digest()


@pytest.mark.parametrize("seed", [110, 111])
def test_every_ledger_entry_leads_to_sentences_that_stand_in_accepted_reports(seed: int) -> None:
    run = Run(disorder(admitted(make_history(200, seed=seed, days=25).raws), random.Random(seed)))
    standing = run.standing()
    versions = {(report.report_id, report.rev): report for report in run.reports}
    named: set[str] = set()
    for key, entry in run.pipeline.ledger.items():
        _, day, dyad, plover, report_id = key.split("|")
        named.update(entry.event_ids if entry.present else ())
        for event in (standing[id_] for id_ in entry.event_ids if entry.present):
            assert (event.report_id, event.plover, event.occurred_on.isoformat()) == (report_id, plover, day)
            assert f"{event.source_actor.id}>{event.target_actor.id}" == dyad
            report = versions[event.report_id, event.rev]
            assert full_text(report.title, report.text)[slice(*event.span)] == event.text
            assert report.status == "usable"
    assert named == standing.keys()


@pytest.mark.parametrize("seed", [120, 121, 122])
def test_digest_of_a_history_changes_when_any_one_event_is_dropped(seed: int) -> None:
    reports = admitted(make_history(80, seed=seed, days=5).raws)
    expected = Run(reports)
    standing = list(expected.standing().values())
    for victim in random.Random(seed).sample(standing, 5):

        def dropping(report: Report, victim: CodedEvent = victim) -> list[Coding]:
            codings = remembering(report)
            return codings if report.report_id != victim.report_id else [c for c in codings if not is_of(c, victim)]

        assert Run(reports, dropping).digest(expected.as_of) != expected.digest()


def is_of(coding: Coding, event: CodedEvent) -> bool:
    actors = coding.source_actor.id == event.source_actor.id and coding.target_actor.id == event.target_actor.id
    return actors and (coding.plover, coding.occurred_on, coding.span) == (event.plover, event.occurred_on, event.span)
