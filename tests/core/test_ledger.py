"""The ledger's laws: order, repetition, corrections, restore, expiry and digest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.decision import Write
from streams.core.ledger import (
    WATERMARK_KEY,
    EntryKey,
    LedgerEntry,
    LedgerState,
    Watermark,
    decide,
    decode_value,
    digest,
    entry_key,
    parse_key,
    present_entries,
    touched,
)
from streams.core.models import Contribution, Tick

if TYPE_CHECKING:
    import random

NOON = datetime(2018, 9, 18, 12, tzinfo=UTC)
ACTORS = ("ISR", "RUS", "SYR")


def make_contribution(**changes: Any) -> Contribution:
    """Any: the fields of a Contribution, whose types it checks itself nowhere."""
    fields: dict[str, Any] = {
        "actor": "RUS",
        "day": NOON.date(),
        "source": "SYR",
        "target": "RUS",
        "plover": "ASSAULT",
        "report_id": "r1",
        "rev": "1",
        "seq": 1,
        "present": True,
        "goldstein": -10.0,
        "confidence": 1.0,
        "published_at": NOON,
        "updated_at": NOON,
        "outlet": "wire-a",
        "event_ids": ("e1",),
    }
    return Contribution(**{**fields, **changes})


def run(items: list[Contribution | Tick], state: LedgerState | None = None) -> tuple[LedgerState, list[Write]]:
    state = LedgerState() if state is None else state
    log: list[Write] = []
    for item in items:
        for write in decide(state, item).writes:
            state.apply(write)
            log.append(write)
    return state, log


def restore(log: list[Write]) -> LedgerState:
    """Restore from a changelog as Kafka keeps it: bytes, null for a tombstone."""
    state = LedgerState()
    for key, value in log:
        raw = None if value is None else msgspec.msgpack.encode(value)
        state.apply(Write(key, None if raw is None else decode_value(key, raw)))
    return state


def content(state: LedgerState) -> tuple[dict[str, LedgerEntry], datetime | None]:
    return dict(state.items()), state.watermark


def contributions(spread: timedelta) -> st.SearchStrategy[list[Contribution | Tick]]:
    """Return lists of messages with corrections; one (register, rev, seq) never says two things."""
    moments = st.timedeltas(-spread, spread).map(lambda offset: NOON + offset)
    contribution = st.builds(
        make_contribution,
        actor=st.sampled_from(ACTORS),
        day=st.timedeltas(-spread, spread).map(lambda offset: (NOON + offset).date()),
        source=st.sampled_from(ACTORS),
        target=st.sampled_from(ACTORS),
        plover=st.sampled_from(("ASSAULT", "AID")),
        report_id=st.sampled_from(("r1", "r2", "r3")),
        rev=st.sampled_from(("1", "2", "3")),
        seq=st.integers(0, 2),
        present=st.booleans(),
        goldstein=st.integers(-100, 100).map(lambda tenths: tenths / 10),
        confidence=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
        published_at=moments,
        updated_at=moments,
        outlet=st.sampled_from(("wire-a", "wire-b")),
    )
    ticks = st.builds(Tick, language=st.just("en"), watermark=moments)
    return st.lists(contribution | ticks, max_size=25, unique_by=_identity)


def _identity(item: Contribution | Tick) -> object:
    if isinstance(item, Tick):
        return item.watermark
    return (item.actor, item.day, item.source, item.target, item.plover, item.report_id, item.rev, item.seq)


@given(contributions(timedelta(days=90)), st.randoms(use_true_random=False))
def test_any_order_ends_in_the_same_registers_even_across_expiry(
    items: list[Contribution | Tick], order: random.Random
) -> None:
    shuffled = list(items)
    order.shuffle(shuffled)
    assert content(run(items)[0]) == content(run(shuffled)[0])


@given(contributions(timedelta(days=5)), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_digest(items: list[Contribution | Tick], order: random.Random) -> None:
    shuffled = list(items)
    order.shuffle(shuffled)
    one, other = run(items)[0], run(shuffled)[0]
    assert digest(one.items(), NOON) == digest(other.items(), NOON)


@given(contributions(timedelta(days=90)))
def test_twice_is_once(items: list[Contribution | Tick]) -> None:
    once, _ = run(items)
    before = content(once)
    again, log = run(items, once)
    assert log == []
    assert content(again) == before


@given(contributions(timedelta(days=90)))
def test_restored_state_equals_the_lived_one(items: list[Contribution | Tick]) -> None:
    lived, log = run(items)
    restored = restore(log)
    assert content(restored) == content(lived)
    probe = make_contribution(report_id="probe", updated_at=NOON + timedelta(days=1))
    assert decide(restored, probe) == decide(lived, probe)


@given(contributions(timedelta(days=90)))
def test_applying_a_changelog_compacted_or_not_is_the_same(items: list[Contribution | Tick]) -> None:
    lived, log = run(items)
    compacted = [write for at, write in enumerate(log) if all(later.key != write.key for later in log[at + 1 :])]
    assert content(restore(compacted)) == content(lived)


@given(contributions(timedelta(days=90)))
def test_decide_leaves_the_state_alone(items: list[Contribution | Tick]) -> None:
    state, _ = run(items)
    before = content(state)
    decide(state, make_contribution(rev="9", updated_at=NOON + timedelta(days=200)))
    assert content(state) == before


@given(contributions(timedelta(days=5)))
def test_digest_ignores_rev_and_seq_and_the_order_of_partitions(items: list[Contribution | Tick]) -> None:
    entries = list(run(items)[0].items())
    renamed = [(key, msgspec.structs.replace(entry, rev="99", seq=99)) for key, entry in entries]
    assert digest(entries, NOON) == digest(reversed(renamed), NOON)


@given(contributions(timedelta(days=5)), st.data())
def test_digest_changes_when_an_entry_is_dropped_or_altered(items: list[Contribution | Tick], data: Any) -> None:
    """Any: hypothesis has no public name for interactive data."""
    state, _ = run(items)
    entries = list(present_entries(state, NOON))
    if not entries:
        return
    whole = digest(entries, NOON)
    assert whole.entries == len(entries)
    at = data.draw(st.integers(0, len(entries) - 1))
    key, entry = entries[at]
    changed = [
        {"goldstein": entry.goldstein + 0.1},
        {"confidence": entry.confidence + 0.001},
        {"published_at": entry.published_at + 1},
        {"outlet": "other"},
        {"event_ids": ("other",)},
        {"present": False},
    ]
    altered = [[(key, msgspec.structs.replace(entry, **change))] for change in changed]
    others = entries[:at] + entries[at + 1 :]
    hexes = {digest(others + one, NOON).hexdigest for one in [[], *altered]}
    # Dropping an entry and marking it absent are the same; everything else differs from the whole and each other.
    assert len(hexes) == len(altered)
    assert whole.hexdigest not in hexes


def test_digest_counts_thirty_days_back_and_today_but_neither_more_nor_absent_ones() -> None:
    days = [NOON.date() - timedelta(days=n) for n in (-1, 0, 30, 31)]
    items: list[Contribution | Tick] = [make_contribution(day=day) for day in days]
    items.append(make_contribution(report_id="r2", present=False))
    state, _ = run(items)
    assert {parse_key(key).day for key, _ in present_entries(state, NOON)} == set(days[1:3])
    assert digest(state.items(), NOON) == digest(present_entries(state, NOON), NOON)
    assert digest(state.items(), NOON).entries == 2


def test_digest_takes_the_day_of_as_of_in_utc() -> None:
    state, _ = run([make_contribution(day=date(2018, 9, 19))])
    before_midnight_utc = datetime(2018, 9, 19, 1, tzinfo=timezone(timedelta(hours=3)))
    assert digest(state.items(), before_midnight_utc).entries == 0
    assert digest(state.items(), before_midnight_utc + timedelta(hours=2)).entries == 1


def test_digest_of_a_known_ledger_is_frozen() -> None:
    # A change here makes digests of different releases incomparable: say so in the changelog.
    state, _ = run([make_contribution()])
    line = b'["RUS","2018-09-18","SYR>RUS","ASSAULT","r1",-10.0,1.0,1537272000000000,"wire-a",["e1"]]\n'
    assert digest(state.items(), NOON) == (blake2b(line, digest_size=16).hexdigest(), 1)


def test_larger_rev_then_larger_seq_wins_and_others_are_counted() -> None:
    state, _ = run([make_contribution(rev="2", seq=5)])
    cases = {("1", 9): ["superseded"], ("2", 4): ["superseded"], ("2", 5): ["repeated"], ("2", 6): [], ("3", 0): []}
    for (rev, seq), discards in cases.items():
        decision = decide(state, make_contribution(rev=rev, seq=seq, goldstein=-1.0))
        assert decision.discards == discards
        assert len(decision.writes) == (0 if discards else 1)


def test_a_retraction_stays_as_a_register_and_beats_what_it_took_back() -> None:
    state, _ = run([make_contribution(rev="2", present=False, event_ids=()), make_contribution(rev="1")])
    ((_, entry),) = state.items()
    assert not entry.present
    assert state.has_actor("RUS")


def test_watermark_is_written_once_an_hour_and_never_goes_back() -> None:
    state = LedgerState()
    keys = []
    for minutes in (5, 50, 65, 20, 119):
        _, log = run([Tick(language="en", watermark=NOON + timedelta(minutes=minutes))], state)
        keys.append([write.key for write in log])
    assert keys == [[WATERMARK_KEY], [], [WATERMARK_KEY], [], []]
    assert state.watermark == NOON + timedelta(hours=1)


def test_contributions_move_the_watermark_too() -> None:
    state, _ = run([make_contribution(updated_at=NOON + timedelta(hours=3, minutes=59))])
    assert state.watermark == NOON + timedelta(hours=3)


def test_a_day_expires_whole_when_the_watermark_is_66_days_ahead() -> None:
    midnight = datetime(2018, 9, 18, tzinfo=UTC)
    state, _ = run([make_contribution(), make_contribution(report_id="r2", present=False)])
    last_moment = midnight + timedelta(days=66, microseconds=-1)
    kept, _ = run([Tick(language="en", watermark=last_moment)], state)
    assert len(list(kept.items())) == 2
    gone, log = run([Tick(language="en", watermark=midnight + timedelta(days=66))], kept)
    assert [write.value for write in log if write.key != WATERMARK_KEY] == [None, None]
    assert list(gone.items()) == []
    assert not gone.has_actor("RUS")


def test_a_contribution_to_an_expired_day_is_discarded_but_its_time_counts() -> None:
    late = make_contribution(updated_at=NOON + timedelta(days=66))
    decision = decide(LedgerState(), late)
    assert decision.discards == ["expired"]
    assert [write.key for write in decision.writes] == [WATERMARK_KEY]
    on_time = make_contribution(updated_at=NOON + timedelta(days=65))
    assert decide(LedgerState(), on_time).discards == []


def test_dyads_are_known_by_the_ledger_of_their_source_alone() -> None:
    target_only, _ = run([make_contribution(actor="RUS")])
    assert (target_only.dyads(), target_only.has_dyad("SYR", "RUS")) == (set(), False)
    both, _ = run([make_contribution(actor="SYR")], target_only)
    assert (both.dyads(), both.has_dyad("SYR", "RUS")) == ({("SYR", "RUS")}, True)
    assert both.actors() == {"RUS", "SYR"}


def test_a_dyad_is_unknown_after_its_last_register_is_gone_also_from_derived_groups() -> None:
    state, log = run([make_contribution(actor="SYR"), make_contribution(actor="SYR", target="ISR")])
    assert state.has_dyad("SYR", "RUS")
    state.apply(Write(log[1].key, None))
    state.apply(Write(log[1].key, None))
    assert state.dyads() == {("SYR", "ISR")}


def test_touched_names_the_actor_and_the_dyad_of_its_source() -> None:
    _, log = run([make_contribution(actor="RUS"), make_contribution(actor="SYR")])
    assert [touched(write) for write in log] == [(None, None), ("RUS", None), ("SYR", ("SYR", "RUS"))]


def test_keys_and_values_survive_the_round_trip() -> None:
    key = EntryKey("RUS", date(2018, 9, 18), "SYR", "RUS", "ASSAULT", "5f93")
    assert parse_key(entry_key(key)) == key
    _, log = run([make_contribution(goldstein=-10)])
    for write in log:
        assert decode_value(write.key, msgspec.msgpack.encode(write.value)) == write.value
    assert isinstance(log[0].value, Watermark)
    assert isinstance(log[1].value, LedgerEntry)


def test_a_value_of_another_shape_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_value("RUS|2018-09-18|SYR>RUS|ASSAULT|5f93", msgspec.msgpack.encode(["1", "not a number"]))
    with pytest.raises(ValueError, match="unpack"):
        parse_key("RUS|2018-09-18")
