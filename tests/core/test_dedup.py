"""Deduplication: one example per rule, and the laws of order, repetition, restoring and expiry on small worlds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core import dedup
from streams.core.decision import Write
from streams.core.dedup import DedupState, Reread, SketchRecord, Verdict, complete, decide, decode_value, verdict_of
from streams.core.errors import ConfigurationError
from streams.core.identity import content_hash, report_id, revision
from streams.core.models import DuplicateRecord, Report, ReportState, Tick
from streams.core.sketch import copy_similarity, sketch_keys, sketch_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

START = datetime(2018, 9, 18, tzinfo=UTC)

HARBOUR = (
    "The crew of a coal freighter was rescued off the northern cape on Tuesday after the engine room flooded during a "
    "gale, the coast guard said. Helicopters lifted the sailors from the listing deck before dawn while tugs tried to "
    "keep the drifting hull away from a nearby reef. Harbour officials closed the strait to traffic and warned "
    "fishermen about floating containers."
)
PARLIAMENT = (
    "Lawmakers rejected the coalition budget after a marathon debate that split the governing parties and left the "
    "finance minister without a majority. Opposition leaders demanded an early ballot and accused the cabinet of "
    "hiding the cost of new submarines. Markets fell sharply while trade unions announced a general strike against "
    "planned pension cuts."
)
LEAD = HARBOUR[: HARBOUR.index(" Harbour officials")]
# Half of each: similar to both, though these are not similar to each other.
MIXED = f"{LEAD} {PARLIAMENT[: PARLIAMENT.index(' Markets')]}"
STUB = "Withdrawn."
TEXTS = (HARBOUR, LEAD, MIXED, PARLIAMENT, STUB)


def make_report(
    name: str,
    text: str = HARBOUR,
    *,
    published: float = 0,
    updated: float | None = None,
    version: int = 0,
    withdrawn: bool = False,
    language: str = "en",
) -> Report:
    """Return a version of a report; `published` and `updated` are hours after START."""
    published_at = START + timedelta(hours=published)
    updated_at = published_at if updated is None else START + timedelta(hours=updated)
    content = content_hash("", text, language, None, published_at)
    return Report(
        report_id=report_id("wire", name),
        rev=revision(version, updated_at, withdrawn=withdrawn, content=content),
        source="wire",
        id=name,
        published_at=published_at,
        updated_at=updated_at,
        title="",
        text=text,
        language=language,
        version=version,
        status="withdrawn" if withdrawn else "usable",
    )


class Row(NamedTuple):
    """What the topics finally say about a report."""

    rev: str
    state: str
    duplicate_of: str | None
    similarity: float
    text: str | None


class Pipeline:
    """A raw log that is deduplicated record by record, with everything that comes out of it."""

    def __init__(self) -> None:
        self.state = DedupState()
        self.table: dict[str, bytes] = {}
        self.log: list[Report] = []
        self.states: list[ReportState] = []
        self.duplicates: list[DuplicateRecord] = []
        self.ticks: list[Tick] = []
        self.verdicts: dict[tuple[str, str], Verdict] = {}

    def feed(self, *reports: Report) -> dedup.DedupDecision:
        """Take each report; return the last decision."""
        for report in reports:
            decision = decide(self.state, report, seq=len(self.log))
            self.log.append(report)
            self._take(decision, report.language)
        return decision

    def _take(self, decision: dedup.DedupDecision, language: str) -> None:
        for write in decision.writes:
            self.state.apply(write)
            if write.value is None:
                del self.table[write.key]
            else:
                self.table[write.key] = msgspec.msgpack.encode(write.value)
        completed = [complete(reread, self.log[reread.raw_seq]) for reread in decision.rereads]
        for output in (*decision.outputs, *completed):
            kinds: dict[type, list[Any]] = {
                ReportState: self.states,
                DuplicateRecord: self.duplicates,
                Tick: self.ticks,
            }
            kinds[type(output.value)].append(output.value)
        for id_, verdict in decision.verdicts.items():
            known = self.verdicts.get((language, id_))
            if known is None or verdict.max_rev >= known.max_rev:
                self.verdicts[language, id_] = verdict

    def restart(self) -> None:
        """Restore the state from the bytes of its table."""
        self.state = DedupState()
        for key, raw in self.table.items():
            self.state.apply(Write(key, decode_value(key, raw)))

    def view(self) -> dict[tuple[str, str], Row]:
        """Return what a subscriber that keeps the largest (rev, seq) of each report believes."""
        states = _newest(self.states)
        duplicates = _newest(self.duplicates)
        rows = {}
        for key, state in states.items():
            record = duplicates[key] if state.state == "duplicate" else None
            assert record is None or record.rev == state.rev
            rows[key] = Row(
                state.rev,
                state.state,
                record and record.duplicate_of,
                record.similarity if record else 0.0,
                state.report and state.report.text,
            )
        return rows

    def records(self) -> dict[str, Any]:
        """Return the table without transport fields."""
        values = {key: decode_value(key, raw) for key, raw in self.table.items()}
        return {key: _without_seq(value) if isinstance(value, SketchRecord) else value for key, value in values.items()}

    def verdict(self, name: str, language: str = "en") -> tuple[str, str | None]:
        """Return (state, name of the original) of the report called `name`."""
        verdict = verdict_of(self.state, language, report_id("wire", name))
        assert verdict is not None
        names = {report.report_id: report.id for report in self.log}
        return verdict.state, verdict.duplicate_of and names[verdict.duplicate_of]


def _newest(messages: Sequence[Any]) -> dict[tuple[str, str], Any]:
    ordered = sorted(messages, key=lambda message: (message.rev, message.seq))
    return {(message.language, message.report_id): message for message in ordered}


def _without_seq(record: SketchRecord) -> SketchRecord:
    versions = tuple(msgspec.structs.replace(version, seq=0) for version in record.versions)
    return msgspec.structs.replace(record, versions=versions)


def run(reports: Iterable[Report]) -> Pipeline:
    pipeline = Pipeline()
    for report in reports:
        assert pipeline.feed(report).rejected is None
    return pipeline


# One example per rule


def test_truncated_copy_is_a_duplicate() -> None:
    pipeline = run([make_report("a"), make_report("b", LEAD, published=5)])
    assert pipeline.verdict("a") == ("unique", None)
    assert pipeline.verdict("b") == ("duplicate", "a")
    assert [record.duplicate_of for record in pipeline.duplicates] == [report_id("wire", "a")]
    assert [(state.state, state.report is None) for state in pipeline.states] == [
        ("unique", False),
        ("duplicate", True),
    ]


def test_templated_bulletin_with_other_figures_is_unique() -> None:
    bulletin = (
        "Treasury balances at the central bank rose to {} billion from {} billion on the previous working day, the "
        "treasury said in its latest budget note. Balances in tax and loan accounts rose to {} billion from {} billion."
    )
    first, second = bulletin.format(4.602, 3.576, 6.495, 5.394), bulletin.format(4.262, 3.876, 4.95, 5.004)
    pipeline = run([make_report("a", first), make_report("b", second, published=24)])
    assert pipeline.verdict("b") == ("unique", None)


def test_earlier_copy_that_arrives_late_flips_the_verdict() -> None:
    pipeline = run([make_report("b", published=5), make_report("a")])
    assert pipeline.verdict("a") == ("unique", None)
    assert pipeline.verdict("b") == ("duplicate", "a")
    assert [(state.state, state.seq) for state in pipeline.states] == [("unique", 0), ("unique", 1), ("duplicate", 1)]


def test_of_two_reports_published_together_the_smaller_id_is_the_original() -> None:
    first, second = sorted(("a", "b"), key=lambda name: report_id("wire", name))
    assert run([make_report(second), make_report(first)]).verdict(second) == ("duplicate", first)


def test_duplicate_shadows_too_and_nothing_is_transitive() -> None:
    pipeline = run([make_report("a"), make_report("b", MIXED, published=1), make_report("c", PARLIAMENT, published=2)])
    assert pipeline.verdict("b") == ("duplicate", "a")
    assert pipeline.verdict("c") == ("duplicate", "b")


def test_duplicate_of_is_the_earliest_similar_report() -> None:
    reports = [make_report("b", published=1), make_report("c", published=2), make_report("a")]
    pipeline = run(reports)
    assert pipeline.verdict("c") == ("duplicate", "a")
    assert [record.duplicate_of for record in pipeline.duplicates if record.id == "c"] == [
        report_id("wire", "b"),
        report_id("wire", "a"),
    ]


@pytest.mark.parametrize(("hours", "state"), [(72, "duplicate"), (72.1, "unique")])
def test_copies_count_within_three_days(hours: float, state: str) -> None:
    assert run([make_report("a"), make_report("b", published=hours)]).verdict("b")[0] == state


def test_correction_with_an_earlier_date_makes_the_other_report_the_duplicate() -> None:
    pipeline = run([make_report("b", published=1), make_report("a", published=5)])
    assert pipeline.verdict("a") == ("duplicate", "b")
    pipeline.feed(make_report("a", published=0, updated=6, version=1))
    assert pipeline.verdict("a") == ("unique", None)
    assert pipeline.verdict("b") == ("duplicate", "a")


def test_correction_with_other_words_leaves_the_copy_a_duplicate() -> None:
    pipeline = run([make_report("a"), make_report("b", published=1)])
    pipeline.feed(make_report("a", PARLIAMENT, updated=2, version=1))
    assert pipeline.verdict("b") == ("duplicate", "a")


def test_withdrawn_report_still_shadows_its_copies() -> None:
    pipeline = run([make_report("a"), make_report("a", STUB, updated=1, version=1, withdrawn=True)])
    pipeline.feed(make_report("b", published=2))
    assert pipeline.verdict("a") == ("withdrawn", None)
    assert pipeline.verdict("b") == ("duplicate", "a")
    assert pipeline.states[1].state == "withdrawn"
    assert pipeline.states[1].report is None


def test_late_lower_version_with_an_earlier_date_makes_a_report_unique_again() -> None:
    pipeline = run([make_report("b", published=1), make_report("a", published=5, version=1)])
    assert pipeline.verdict("a") == ("duplicate", "b")
    decision = pipeline.feed(make_report("a", PARLIAMENT, published=0, version=0))
    newest = pipeline.log[1]
    assert decision.rereads == [Reread(newest.report_id, newest.rev, raw_seq=1, seq=2)]
    assert decision.discards == []
    assert pipeline.verdict("a") == ("unique", None)
    assert pipeline.view()["en", newest.report_id].text == HARBOUR


def test_lower_version_that_changes_nothing_is_superseded() -> None:
    decision = run([make_report("a", updated=3, version=1)]).feed(make_report("a"))
    assert decision.discards == ["superseded"]
    assert decision.outputs == []
    assert [write.key for write in decision.writes] == [f"en/{report_id('wire', 'a')}"]


def test_known_version_is_repeated_even_when_it_is_late_by_now() -> None:
    pipeline = run([make_report("a"), make_report("b", PARLIAMENT, published=24 * 8)])
    decision = pipeline.feed(make_report("a"))
    assert decision.discards == ["repeated"]
    assert (decision.outputs, decision.writes, decision.rereads) == ([], [], [])


@pytest.mark.parametrize(("hours", "late"), [(24 * 7, False), (24 * 7 + 0.001, True)])
def test_version_behind_allowed_lateness_is_rejected(hours: float, *, late: bool) -> None:
    decision = run([make_report("b", PARLIAMENT, published=hours)]).feed(make_report("a"))
    assert (decision.rejected is not None) == late
    if decision.rejected is not None:
        assert (decision.rejected.code, decision.rejected.field) == ("too_late", "updated_at")
        assert (decision.outputs, decision.writes) == ([], [])


def test_languages_do_not_meet_and_have_their_own_watermarks() -> None:
    pipeline = run([make_report("b", published=24 * 30), make_report("a", language="fr")])
    assert pipeline.verdict("a", "fr") == ("unique", None)


def test_tick_is_broadcast_when_the_watermark_crosses_an_hour() -> None:
    pipeline = run([make_report("a", published=0.2), make_report("b", PARLIAMENT, published=0.9)])
    decision = pipeline.feed(make_report("c", STUB, published=1))
    assert [tick.watermark - START for tick in pipeline.ticks] == [timedelta(hours=0.2), timedelta(hours=1)]
    assert [output.broadcast for output in decision.outputs if isinstance(output.value, Tick)] == [True]


def test_only_the_largest_revisions_of_a_day_are_kept() -> None:
    texts = [HARBOUR, *[f"{PARLIAMENT} Lead {number}." for number in range(dedup.MAX_VERSIONS)]]
    versions = [make_report("a", text, updated=number, version=number) for number, text in enumerate(texts)]
    pipeline = run([*versions[:-1], make_report("b", published=1)])
    assert pipeline.verdict("b") == ("duplicate", "a")
    pipeline.feed(versions[-1])
    assert pipeline.verdict("b") == ("unique", None)


@pytest.mark.parametrize(
    ("crowded_out", "copy", "crowding"),
    [
        pytest.param((0, 72), 5, (0, 90), id="near the old version only"),
        pytest.param((0, 0), 1, (2, 2), id="published before the new version"),
    ],
)
def test_copy_of_a_version_that_is_crowded_out_is_unique(
    monkeypatch: pytest.MonkeyPatch, crowded_out: tuple[int, int], copy: int, crowding: tuple[int, int]
) -> None:
    monkeypatch.setattr(dedup, "MAX_VERSIONS", 1)
    (published, updated), (later_published, later_updated) = crowded_out, crowding
    pipeline = run([make_report("a", published=published, updated=updated), make_report("b", published=copy)])
    assert pipeline.verdict("b") == ("duplicate", "a")
    pipeline.feed(make_report("a", PARLIAMENT, published=later_published, updated=later_updated, version=1))
    assert pipeline.verdict("b") == ("unique", None)


def test_reread_of_another_report_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="raw offset 7"):
        complete(Reread("0" * 32, "1", raw_seq=7, seq=9), make_report("a"))


def test_version_takes_at_most_a_kilobyte() -> None:
    text = " ".join(f"Word{number} {number * 7919}" for number in range(5000))
    record = run([make_report("a", text)]).records()[f"en/{report_id('wire', 'a')}"]
    full = msgspec.structs.replace(record.versions[0], duplicate_of="f" * 32, similarity=0.1234, seq=2**62)
    assert len(msgspec.msgpack.encode(full)) <= 1024


# Laws


class Plan(NamedTuple):
    """A set of versions, and hours by which each is delayed in two deliveries: no version is ever too late."""

    reports: list[Report]
    delays: list[int]
    other_delays: list[int]


def in_order(reports: Sequence[Report], delays: Sequence[int]) -> list[Report]:
    arrival = {id(report): report.updated_at + timedelta(hours=d) for report, d in zip(reports, delays, strict=True)}
    return sorted(reports, key=lambda report: (arrival[id(report)], report.updated_at, report.rev))


@st.composite
def plans(draw: st.DrawFn, *, days: int = 9, hours: Sequence[int] = (), names: str = "abcd") -> Plan:
    """Draw a world: corrections with other words and other dates, withdrawals, several languages, any revs.

    A heartbeat a day moves the watermark on, so that a delayed version finds the state as old as it can be.
    """
    versions = st.builds(
        lambda name, text, updated, before, version, withdrawn, language: make_report(
            name,
            text,
            published=updated - before,
            updated=updated,
            version=version,
            withdrawn=withdrawn,
            language=language,
        ),
        st.sampled_from(names),
        st.sampled_from(TEXTS),
        st.sampled_from(hours or range(0, days * 24 + 1, 6)),
        st.sampled_from((0, 0, 0, 1, 12, 30, 80)),
        st.integers(0, 3),
        st.sampled_from((False, False, False, False, True)),
        st.sampled_from(("en", "en", "en", "en", "fr")),
    )
    reports = draw(st.lists(versions, min_size=2, max_size=12, unique_by=lambda report: (report.report_id, report.rev)))
    size = len(reports)
    delay = st.lists(st.sampled_from((0, 0, 6, 24, 72, 100, 150, 168)), min_size=size, max_size=size)
    end = max(report.updated_at for report in reports) - START + timedelta(days=7)
    beats = [make_report(f"beat{day}", f"beat{day}", published=24 * day) for day in range(end.days)]
    still = [0] * len(beats)
    return Plan(reports + beats, draw(delay) + still, draw(delay) + still)


def expected_view(reports: Sequence[Report]) -> dict[tuple[str, str], Row]:
    """Return the verdicts straight from the rule, over the whole set at once, without any state."""
    rows = {}
    kept = [report for report in reports if not _is_crowded_out(report, reports)]
    for key in {(report.language, report.report_id) for report in reports}:
        newest = max((r for r in reports if (r.language, r.report_id) == key), key=lambda report: report.rev)
        duplicate_of, similarity = _original(newest, kept)
        state = "withdrawn" if newest.status == "withdrawn" else "duplicate" if duplicate_of else "unique"
        rows[key] = Row(newest.rev, state, duplicate_of, similarity, newest.text if state == "unique" else None)
    return rows


def _is_crowded_out(report: Report, reports: Sequence[Report]) -> bool:
    same = [r for r in reports if (r.language, r.report_id) == (report.language, report.report_id)]
    day = [r for r in same if r.updated_at.date() == report.updated_at.date()]
    return sum(r.rev > report.rev for r in day) >= dedup.MAX_VERSIONS


def _original(version: Report, kept: Sequence[Report]) -> tuple[str | None, float]:
    if version.status == "withdrawn":
        return None, 0.0
    reach = timedelta(hours=72)
    around: dict[str, list[Report]] = {}
    for report in kept:
        if report.language == version.language and abs(report.updated_at - version.updated_at) <= reach:
            around.setdefault(report.report_id, []).append(report)
    positions = {id_: (min(r.published_at for r in versions), id_) for id_, versions in around.items()}
    own = positions[version.report_id]
    for position in sorted(positions.values()):
        if position < own and own[0] - position[0] <= reach:
            pairs = [(a, b) for a in around[position[1]] for b in around[version.report_id]]
            best = max(_pair_similarity(a, b) for a, b in pairs)
            if best:
                return position[1], best
    return None, 0.0


def _pair_similarity(a: Report, b: Report) -> float:
    if abs(a.updated_at - b.updated_at) > timedelta(hours=72):
        return 0.0
    one, other = sketch_text(a.title, a.text), sketch_text(b.title, b.text)
    return copy_similarity(one, other) if set(sketch_keys(one)) & set(sketch_keys(other)) else 0.0


def assert_order_does_not_matter(plan: Plan) -> None:
    on_time = run(in_order(plan.reports, [0] * len(plan.reports)))
    for delays in (plan.delays, plan.other_delays):
        delayed = run(in_order(plan.reports, delays))
        assert delayed.view() == on_time.view()
        assert delayed.records() == on_time.records()
    assert on_time.view() == expected_view(plan.reports)
    assert {key: (v.max_rev, v.state, v.duplicate_of, v.similarity) for key, v in on_time.verdicts.items()} == {
        key: row[:4] for key, row in on_time.view().items()
    }


@settings(max_examples=150, deadline=None)
@given(plans())
def test_any_order_within_lateness_gives_the_same_verdicts(plan: Plan) -> None:
    assert_order_does_not_matter(plan)


@settings(max_examples=150, deadline=None)
@given(plans(days=40, names="abc"))
def test_order_does_not_matter_over_gaps_longer_than_the_retention(plan: Plan) -> None:
    assert_order_does_not_matter(plan)


@settings(max_examples=150, deadline=None)
@given(plans(hours=(0, 6, 12, 18, 48, 72, 78, 84, 90, 120), names="abc"), st.integers(1, 2))
def test_order_does_not_matter_when_versions_are_crowded_out(plan: Plan, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup, "MAX_VERSIONS", limit)
        assert_order_does_not_matter(plan)


@settings(max_examples=60, deadline=None)
@given(plans(days=20), st.data())
def test_any_message_sent_twice_changes_nothing(plan: Plan, data: st.DataObject) -> None:
    once, twice = Pipeline(), Pipeline()
    reports = in_order(plan.reports, plan.delays)
    for number, report in enumerate(reports):
        once.feed(report)
        twice.feed(report)
        known = decide(twice.state, reports[data.draw(st.integers(0, number))], seq=10_000)
        assert known.rejected is not None or (known.outputs, known.writes, known.rereads) == ([], [], [])
    assert twice.view() == once.view()


@settings(max_examples=60, deadline=None)
@given(plans(days=40), st.data())
def test_restored_state_goes_on_like_the_lived_one(plan: Plan, data: st.DataObject) -> None:
    lived, restored = Pipeline(), Pipeline()
    reports = in_order(plan.reports, plan.delays)
    restarts = data.draw(st.sets(st.integers(0, len(reports))))
    for number, report in enumerate(reports):
        if number in restarts:
            restored.restart()
        assert repr(restored.feed(report)) == repr(lived.feed(report))
        assert restored.state.sizes() == lived.state.sizes()
    assert restored.table == lived.table


@settings(max_examples=60, deadline=None)
@given(plans(days=40))
def test_deciding_leaves_the_state_as_it_is(plan: Plan) -> None:
    pipeline = Pipeline()
    for report in in_order(plan.reports, plan.delays):
        first = decide(pipeline.state, report, seq=len(pipeline.log))
        assert repr(pipeline.feed(report)) == repr(first)


@settings(max_examples=60, deadline=None)
@given(plans(days=20))
def test_expired_state_leaves_nothing_behind(plan: Plan) -> None:
    pipeline = run(in_order(plan.reports, plan.delays))
    for language in ("en", "fr"):
        pipeline.feed(make_report("last", "One word more than two", published=24 * 60, language=language))
    alone = Pipeline()
    for language in ("en", "fr"):
        alone.feed(make_report("last", "One word more than two", published=24 * 60, language=language))
    assert pipeline.state.sizes() == alone.state.sizes()
    assert pipeline.records() == alone.records()


def test_original_is_still_known_when_a_rival_arrives_as_late_as_it_may() -> None:
    # Hours of updated_at: the original 0, its copy 70, the rival 140; the rival arrives at 308. With a retention of
    # 72 h + allowed lateness = 240 h the original would be gone, and the copy handed to the rival.
    original = make_report("a")
    copy = make_report("c", published=70)
    rival = make_report("b", published=20, updated=140)
    pushing = make_report("z", PARLIAMENT, published=308)
    for reports in ([original, copy, rival, pushing], [original, copy, pushing, rival]):
        pipeline = run(reports)
        assert pipeline.verdict("c") == ("duplicate", "a")
        assert pipeline.view() == expected_view(reports)


def test_long_story_expires_version_by_version() -> None:
    pipeline = run(make_report("a", f"{HARBOUR} Day {day}.", updated=24 * day, version=day) for day in range(60))
    record = pipeline.records()[f"en/{report_id('wire', 'a')}"]
    assert len(record.versions) == dedup.RETENTION // (24 * 3600 * 1_000_000) + 1
    assert pipeline.state.sizes()["records"] == 1
