"""Classify with a stub for a coder: only differences are sent, what stops being said is taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.classify import CODED_KEPT, ClassifyState, CodedRecord, CodedRef, Coder, decide, decode_value
from streams.core.decision import Decision, Write
from streams.core.identity import event_id
from streams.core.models import QUAD_CLASS, ActorRef, CodedEvent, Coding, Contribution, Report, ReportState, Tick

if TYPE_CHECKING:
    from collections.abc import Iterable

NOON = datetime(2018, 9, 18, 12, tzinfo=UTC)
WATERMARK = "@watermark"


def make_coding(source: str = "RUS", target: str = "UKR", plover: str = "ASSAULT", **changes: Any) -> Coding:
    """Any: the fields of a Coding, which checks their types itself nowhere."""
    fields: dict[str, Any] = {
        "sentence": 0,
        "span": (0, 10),
        "text": f"{source} {plover} {target}.",
        "source_actor": ActorRef(id=source),
        "target_actor": ActorRef(id=target),
        "plover": plover,
        "mode": "asserted",
        "cameo": "190",
        "goldstein": -9.0,
        "confidence": 0.8,
        "occurred_on": NOON.date(),
    }
    return Coding(**{**fields, **changes})


def make_state(state: str = "unique", rev: str = "1", seq: int = 1, **changes: Any) -> ReportState:
    """Any: the fields of a ReportState, as above; those of its report follow from them."""
    fields: dict[str, Any] = {"report_id": "r1", "language": "en", "updated_at": NOON, **changes}
    published_at = fields.pop("published_at", NOON)
    report = Report(
        report_id=fields["report_id"],
        rev=rev,
        source="wire",
        id="1",
        published_at=published_at,
        updated_at=fields["updated_at"],
        title="",
        text=fields.pop("text", "x"),
        language=fields["language"],
    )
    return ReportState(rev=rev, seq=seq, state=state, report=report if state == "unique" else None, **fields)  # type: ignore[arg-type]  # `state` is checked by what decides


def saying(*codings: Coding) -> Coder:
    return lambda _: list(codings)


def silent(report: Report) -> list[Coding]:
    raise AssertionError(f"{report.report_id} must not be read")


class Stage:
    """A state, its changelog as bytes, and everything that was sent."""

    def __init__(self) -> None:
        self.state = ClassifyState()
        self.log: list[tuple[str, bytes | None]] = []
        self.events: list[CodedEvent] = []
        self.contributions: list[Contribution] = []

    def take(self, item: ReportState | Tick, coder: Coder = silent) -> Decision:
        decision = decide(self.state, item, coder, "cb")
        for write in decision.writes:
            self.state.apply(write)
            self.log.append((write.key, None if write.value is None else msgspec.msgpack.encode(write.value)))
        self.events += events_of(decision)
        self.contributions += contributions_of(decision)
        return decision


def events_of(decision: Decision) -> list[CodedEvent]:
    return [output.value for output in decision.outputs if isinstance(output.value, CodedEvent)]


def contributions_of(decision: Decision) -> list[Contribution]:
    return [output.value for output in decision.outputs if isinstance(output.value, Contribution)]


def triples(events: Iterable[CodedEvent]) -> list[tuple[str, str, str]]:
    return sorted((event.source_actor.id, event.plover, event.target_actor.id) for event in events)


def standing(events: Iterable[CodedEvent]) -> dict[str, CodedEvent]:
    """Return what a subscriber holds: of each event the largest (rev, seq), unless retracted; less transport."""
    newest: dict[str, CodedEvent] = {}
    for event in events:
        known = newest.get(event.event_id)
        if known is None or (event.rev, event.seq) > (known.rev, known.seq):
            newest[event.event_id] = event
    held = {key: msgspec.structs.replace(event, rev="", seq=0) for key, event in newest.items()}
    return {key: event for key, event in held.items() if not event.retracted}


class Register(NamedTuple):
    """What a ledger keeps of a contribution."""

    goldstein: float
    confidence: float
    published_at: datetime
    outlet: str
    event_ids: tuple[str, ...]


def registers(contributions: Iterable[Contribution]) -> dict[tuple[object, ...], Register]:
    """Return what ledgers hold: of each register the largest (rev, seq), unless absent."""
    newest: dict[tuple[object, ...], Contribution] = {}
    for item in contributions:
        key = (item.actor, item.day, item.source, item.target, item.plover, item.report_id)
        known = newest.get(key)
        if known is None or (item.rev, item.seq) > (known.rev, known.seq):
            newest[key] = item
    return {
        key: Register(item.goldstein, item.confidence, item.published_at, item.outlet, item.event_ids)
        for key, item in newest.items()
        if item.present
    }


def test_first_sight_asserts_the_event_and_tells_the_ledgers_of_both_actors() -> None:
    stage = Stage()
    decision = stage.take(make_state(seq=7), saying(make_coding()))

    id_ = event_id("r1", "RUS", "UKR", "ASSAULT", NOON.date(), 0)
    (event,) = stage.events
    assert (event.event_id, event.retracted, event.rev, event.seq) == (id_, False, "1", 7)
    assert (event.quad_class, event.outlet, event.codebook_version) == (QUAD_CLASS["ASSAULT"], "wire", "cb")
    told = {output.key: output.value for output in decision.outputs if output.topic == "events.by_actor"}
    assert told.keys() == {"RUS", "UKR"}
    for actor, item in told.items():
        assert isinstance(item, Contribution)
        assert (item.actor, item.present, item.event_ids) == (actor, True, (id_,))
        assert (item.goldstein, item.confidence, item.published_at) == (-9.0, 0.8, NOON)
    assert [output.key for output in decision.outputs if output.topic == "events.coded"] == ["RUS>UKR"]
    assert decision.discards == []
    assert not any(output.broadcast for output in decision.outputs)


def test_report_without_events_is_remembered_and_silent() -> None:
    stage = Stage()
    assert stage.take(make_state(), saying()).outputs == []
    assert stage.state.records["r1"].events == ()


def test_new_revision_sends_only_what_changed() -> None:
    stage = Stage()
    kept = make_coding()
    stage.take(make_state(), saying(kept, make_coding("FRA", "ESP"), make_coding("CHN", "JPN", "AID", goldstein=7.0)))
    changed = make_coding("FRA", "ESP", goldstein=-4.0)
    decision = stage.take(make_state(rev="2", seq=2), saying(kept, changed, make_coding("IND", "PAK")))

    sent = events_of(decision)
    asserted = [("FRA", "ASSAULT", "ESP"), ("IND", "ASSAULT", "PAK")]
    assert triples(event for event in sent if not event.retracted) == asserted
    assert triples(event for event in sent if event.retracted) == [("CHN", "AID", "JPN")]
    told = {(item.actor, item.source): item.present for item in contributions_of(decision)}
    assert told == {
        ("FRA", "FRA"): True,
        ("ESP", "FRA"): True,
        ("IND", "IND"): True,
        ("PAK", "IND"): True,
        ("CHN", "CHN"): False,
        ("JPN", "CHN"): False,
    }


def test_unchanged_report_under_a_new_revision_sends_nothing_yet_moves_the_record() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    assert stage.take(make_state(rev="2", seq=2), saying(make_coding())).outputs == []
    assert stage.state.records["r1"].rev == "2"


def test_event_whose_words_alone_changed_is_sent_again_and_leaves_the_ledgers_alone() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    decision = stage.take(make_state(rev="2", seq=2), saying(make_coding(text="Russia struck.", span=(4, 18))))
    assert [event.text for event in events_of(decision)] == ["Russia struck."]
    assert contributions_of(decision) == []


def test_changed_publication_date_reaches_the_ledgers() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    earlier = NOON - timedelta(hours=1)
    decision = stage.take(make_state(rev="2", seq=2, published_at=earlier), saying(make_coding()))
    assert {item.published_at for item in contributions_of(decision)} == {earlier}
    assert len(contributions_of(decision)) == 2


def test_event_keeps_its_id_in_every_version_and_ordinals_tell_equal_events_apart() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding(), make_coding(sentence=1)))
    stage.take(make_state(rev="2", seq=2, text="y"), saying(make_coding(text="y"), make_coding(sentence=1, text="y")))
    ids = [event.event_id for event in stage.events]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("state", ["duplicate", "withdrawn"])
def test_report_that_stops_being_unique_takes_back_all_it_said(state: str) -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding(), make_coding("FRA", "ESP"), make_coding("IRN", "IRN", "COERCE")))
    decision = stage.take(make_state(state, rev="2", seq=2))

    sent = events_of(decision)
    assert all(event.retracted for event in sent)
    assert {event.event_id for event in sent} == {event.event_id for event in stage.events[:3]}
    assert all((event.text, event.source_actor.mention, event.rev, event.seq) == ("", None, "2", 2) for event in sent)
    assert [item.present for item in contributions_of(decision)] == [False] * 5
    assert registers(stage.contributions) == {}
    assert stage.state.records["r1"].events == ()


def test_report_that_is_unique_again_says_everything_again() -> None:
    stage = Stage()
    stage.take(make_state(seq=1), saying(make_coding()))
    before = registers(stage.contributions)
    stage.take(make_state("duplicate", seq=2))
    stage.take(make_state(seq=3), saying(make_coding()))
    assert triples(standing(stage.events).values()) == [("RUS", "ASSAULT", "UKR")]
    assert registers(stage.contributions) == before


@pytest.mark.parametrize("state", ["unique", "duplicate", "withdrawn"])
@pytest.mark.parametrize(
    ("rev", "seq", "reason"), [("1", 9, "superseded"), ("2", 4, "superseded"), ("2", 5, "repeated")]
)
def test_what_is_not_newer_is_discarded_unread(state: str, rev: str, seq: int, reason: str) -> None:
    stage = Stage()
    stage.take(make_state(rev="2", seq=5), saying(make_coding()))
    assert stage.take(make_state(state, rev=rev, seq=seq)) == Decision([], [], [reason])


def test_withdrawal_that_comes_first_keeps_the_older_version_out() -> None:
    stage = Stage()
    assert stage.take(make_state("withdrawn", rev="2", seq=1)).outputs == []
    assert stage.take(make_state(rev="1", seq=2)).discards == ["superseded"]
    assert stage.events == []


def test_domestic_event_counts_once() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding("IRN", "IRN", "COERCE")))
    assert [(item.actor, item.source, item.target) for item in stage.contributions] == [("IRN", "IRN", "IRN")]


@pytest.mark.parametrize(
    ("values", "median"), [([-9.0, -2.0], -9.0), ([-2.0, -9.0, -5.0], -5.0), ([-2.0, -9.0, -5.0, -7.0], -7.0)]
)
def test_events_of_one_group_give_their_lower_median_and_largest_confidence(values: list[float], median: float) -> None:
    stage = Stage()
    codings = [
        make_coding(sentence=n, goldstein=value, confidence=round(0.9 - n / 10, 3)) for n, value in enumerate(values)
    ]
    stage.take(make_state(), saying(*reversed(codings)))
    assert {(item.goldstein, item.confidence) for item in stage.contributions} == {(median, 0.9)}
    assert {item.event_ids for item in stage.contributions} == {tuple(sorted(event.event_id for event in stage.events))}


def test_events_of_other_days_are_other_groups() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding(), make_coding(occurred_on=date(2018, 9, 17))))
    assert {item.day for item in stage.contributions} == {date(2018, 9, 17), date(2018, 9, 18)}
    assert len(stage.contributions) == 4


def test_tick_is_passed_on_to_every_partition() -> None:
    tick = Tick(language="en", watermark=NOON)
    (output,) = Stage().take(tick).outputs
    assert (output.topic, output.key, output.value, output.broadcast) == ("events.by_actor", None, tick, True)


def at(days: float) -> datetime:
    return NOON + timedelta(days=days)


def test_record_is_kept_for_37_days_and_then_deleted_with_its_whole_day() -> None:
    assert timedelta(days=37) == CODED_KEPT
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    stage.take(make_state(report_id="r2", updated_at=at(1)), saying(make_coding()))
    kept = stage.take(Tick(language="en", watermark=at(37)))
    assert not [write for write in kept.writes if write.value is None]
    gone = stage.take(Tick(language="en", watermark=at(37.6)))
    assert [write for write in gone.writes if write.value is None] == [Write("r1", None)]
    assert stage.state.records.keys() == {"r2"}
    assert stage.state.expired(at(38.6)) == ["r2"]


def test_expiry_alone_takes_nothing_back() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    decision = stage.take(Tick(language="en", watermark=at(60)))
    assert (events_of(decision), contributions_of(decision)) == ([], [])


def test_report_advances_event_time_as_a_tick_does() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    stage.take(make_state(report_id="r2", updated_at=at(60)), saying())
    assert stage.state.records.keys() == {"r2"}


def test_event_time_never_runs_back() -> None:
    stage = Stage()
    stage.take(Tick(language="en", watermark=at(10)))
    assert stage.take(Tick(language="fr", watermark=at(1))).writes == []
    stage.take(make_state(updated_at=at(5)), saying())
    assert stage.state.watermark == at(10)


def test_correction_that_itself_advances_event_time_past_its_own_expiry_is_remembered() -> None:
    stage = Stage()
    stage.take(make_state(), saying(make_coding()))
    stage.take(make_state(rev="2", seq=2, updated_at=at(60)), saying(make_coding("FRA", "ESP")))
    assert stage.state.records["r1"].rev == "2"
    stage.take(make_state("withdrawn", rev="3", seq=3, updated_at=at(60)))
    assert standing(stage.events) == {}


def test_table_values_survive_the_changelog() -> None:
    ref = CodedRef("e1", "RUS", "UKR", "ASSAULT", "asserted", "190", NOON.date(), -9.0, 0.8, "00ff")
    record = CodedRecord("1", 2**40, NOON, NOON, "wire", (ref, ref))
    assert decode_value("r1", msgspec.msgpack.encode(record)) == record
    assert decode_value(WATERMARK, msgspec.msgpack.encode(NOON)) == NOON


@pytest.mark.parametrize("key", ["r1", WATERMARK])
def test_changelog_record_of_another_form_is_refused(key: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_value(key, b"\x01")


_PAIRS = st.sampled_from((("RUS", "UKR"), ("FRA", "ESP"), ("IRN", "IRN")))
_CODINGS = st.builds(
    lambda pair, plover, goldstein, confidence, day: make_coding(
        pair[0], pair[1], plover, goldstein=goldstein, confidence=confidence, occurred_on=day
    ),
    _PAIRS,
    st.sampled_from(("ASSAULT", "ACCUSE")),
    st.sampled_from((-9.0, -2.0)),
    st.sampled_from((0.5, 0.9)),
    st.sampled_from((NOON.date(), date(2018, 9, 17))),
)
_MESSAGES = st.builds(
    lambda report, rev, state, codings: (report, rev, state, tuple(codings)),
    st.sampled_from(("r1", "r2")),
    st.sampled_from(("1", "2", "3")),
    st.sampled_from(("unique", "duplicate", "withdrawn")),
    st.lists(_CODINGS, max_size=3),
)


def _feed(stage: Stage, messages: Iterable[tuple[int, tuple[str, str, str, tuple[Coding, ...]]]]) -> None:
    for seq, (report, rev, state, codings) in messages:
        stage.take(make_state(state, rev, seq, report_id=report), saying(*codings))


@given(st.lists(_MESSAGES, max_size=8).map(lambda messages: list(enumerate(messages))), st.data())
def test_in_any_order_subscribers_and_ledgers_end_with_what_the_newest_versions_say(
    messages: list[tuple[int, tuple[str, str, str, tuple[Coding, ...]]]], data: st.DataObject
) -> None:
    lived, newest = Stage(), Stage()
    _feed(lived, data.draw(st.permutations(messages + messages)))
    last = {message[0]: (seq, message) for seq, message in sorted(messages, key=lambda item: (item[1][1], item[0]))}
    _feed(newest, last.values())
    assert standing(lived.events) == standing(newest.events)
    assert registers(lived.contributions) == registers(newest.contributions)
    assert lived.state.records == newest.state.records


@given(st.lists(_MESSAGES, max_size=8), st.lists(_MESSAGES, max_size=4), st.booleans())
def test_restored_state_decides_as_the_lived_one(
    before: list[tuple[str, str, str, tuple[Coding, ...]]],
    after: list[tuple[str, str, str, tuple[Coding, ...]]],
    expire: bool,  # noqa: FBT001
) -> None:
    lived, restored = Stage(), Stage()
    _feed(lived, enumerate(before))
    if expire:
        lived.take(Tick(language="en", watermark=at(60)))
    for key, raw in lived.log:
        restored.state.apply(Write(key, None if raw is None else decode_value(key, raw)))
    lived.events.clear()
    lived.contributions.clear()
    for stage in (lived, restored):
        _feed(stage, enumerate(after, len(before)))
    assert restored.events == lived.events
    assert restored.contributions == lived.contributions
    assert restored.state.records == lived.state.records
    assert restored.state.watermark == lived.state.watermark
    assert restored.state.expired(at(90)) == lived.state.expired(at(90))
