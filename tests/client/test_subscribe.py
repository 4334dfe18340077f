"""Subscriptions on a real broker: what comes, in which order, where they resume, and what they say when they cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from published import Published, make_event, make_row

from streams.client import (
    BrokerAwayError,
    EventsFold,
    PositionLostError,
    TopicMissingError,
    UndecodableMessageError,
    subscribe,
)
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka_source import Broker

    from streams.client import RejectedRecord, Subscription
    from streams.core.models import CodedEvent
    from streams.core.tension import ActorRow

pytestmark = pytest.mark.broker


@pytest.fixture
def published(broker: Broker, unique_prefix: str) -> Iterator[Published]:
    with Published(
        broker.bootstrap, unique_prefix, "events.coded", "tension.actors", "reports.rejected", "reports.raw"
    ) as topics:
        yield topics


def read(published: Published, topic: str = "events.coded", **how: Any) -> Subscription[Any]:
    return subscribe(published.bootstrap, topic, prefix=published.prefix, **{"follow": False, **how})


def ids(subscription: Subscription[CodedEvent]) -> list[str]:
    return sorted(message.value.event_id for message in subscription)


def test_subscriber_gets_committed_events_typed_with_their_place_and_ends(published: Published) -> None:
    published.events(make_event("e1"), make_event("e2", source="ISR", target="IRN"))
    with published.transaction(commit=False):
        published.write("events.coded", make_event("aborted"), "RUS>SYR")
    published.events(make_event("e3"))
    with read(published) as subscription:
        messages = list(subscription)
    assert sorted(message.value.event_id for message in messages) == ["e1", "e2", "e3"]
    first = next(message for message in messages if message.value.event_id == "e1")
    assert (first.key, first.topic, first.offset) == ("RUS>SYR", "events.coded", 0)
    assert abs(datetime.now(UTC) - first.ingested_at) < timedelta(minutes=5)
    assert (subscription.read, subscription.matched, subscription.is_open) == (3, 3, False)


def test_filters_choose_by_actor_expression_and_function(published: Published) -> None:
    published.events(
        make_event("mild", goldstein=-1.0), make_event("hard"), make_event("other", source="USA", target="IRN")
    )
    assert ids(read(published, actors={"SYR"})) == ["hard", "mild"]
    assert ids(read(published, actors=["IRN", "SYR"], where="goldstein < -5")) == ["hard", "other"]
    assert ids(read(published, where=lambda event: event.goldstein > -5)) == ["mild"]
    with pytest.raises(ConfigurationError, match=r"reports\.raw names no actors"):
        read(published, "reports.raw", actors={"RUS"})


def test_tombstone_comes_as_none_to_who_asked_for_the_actor(published: Published) -> None:
    published.rows(make_row("RUS"), make_row("SYR"))
    with published.transaction():
        published.write("tension.actors", None, "RUS")
    values = [message.value for message in read(published, "tension.actors", actors={"RUS"})]
    assert [row if row is None else row.actor for row in values] == ["RUS", None]


def test_rejected_record_has_its_headers_decoded(published: Published) -> None:
    told = {"code": "invalid_json", "detail": "cut", "field": "", "stage": "deduplicate"}
    place = {"topic": "t.reports.raw.v1", "partition": "3", "offset": "1842", "ingested_at_ms": "1537250000000"}
    with published.transaction():
        headers = [(name, value.encode()) for name, value in {**told, **place}.items()]
        published.write("reports.rejected", b'{"cut', headers=headers)
    record: RejectedRecord = next(read(published, "reports.rejected")).value
    assert (record.raw, record.code, record.partition, record.offset) == (b'{"cut', "invalid_json", 3, 1842)
    assert record.ingested_at == datetime.fromtimestamp(1537250000, UTC)


def test_positions_kept_by_the_caller_resume_after_each_message_exactly_once(published: Published) -> None:
    published.events(*(make_event(f"e{n}", target=f"T{n}") for n in range(6)))
    stored: dict[str, int] = {}
    seen: list[str] = []
    for _ in range(6):
        with read(published, resume=json.loads(json.dumps(stored))) as subscription:
            message = next(subscription)
            seen.append(message.value.event_id)
            stored |= message.position
    assert sorted(seen) == [f"e{n}" for n in range(6)]
    assert list(read(published, resume=stored)) == []
    published.events(make_event("late"))
    assert ids(read(published, resume=stored)) == ["late"]


def test_positions_of_the_subscription_pass_over_what_did_not_match(published: Published) -> None:
    published.events(*(make_event(f"e{n}", target=f"T{n}") for n in range(6)))
    with read(published, where='event_id == "none"') as subscription:
        assert list(subscription) == []
        positions = subscription.positions
    assert sum(positions.values()) >= 6
    with read(published, resume=positions) as resumed:
        assert list(resumed) == []
    assert resumed.read == 0


def test_group_commits_what_the_caller_came_back_from_and_nothing_else(published: Published) -> None:
    group = f"{published.prefix}-service"
    published.events(*(make_event(f"e{n}") for n in range(5)))
    with read(published, group=group, timeout=30.0) as subscription:
        for message in subscription:
            if message.value.event_id == "e2":
                break
    assert ids(read(published, group=group, timeout=30.0)) == ["e2", "e3", "e4"]
    published.events(make_event("e5"))
    assert ids(read(published, group=group, timeout=30.0)) == ["e5"]


def test_group_that_began_at_the_latest_misses_nothing_between_two_runs(published: Published) -> None:
    group = f"{published.prefix}-service"
    published.events(make_event("before"))
    assert ids(read(published, group=group, since="latest", timeout=20.0)) == []
    published.events(make_event("between"))
    assert ids(read(published, group=group, since="latest", timeout=20.0)) == ["between"]


def test_since_a_moment_the_latest_or_a_count_before_the_end(published: Published) -> None:
    published.events(make_event("e1"))
    [first] = list(read(published))
    moment = first.ingested_at + timedelta(milliseconds=1)
    published.events(make_event("e2"))
    assert ids(read(published, since=moment)) == ["e2"]
    assert ids(read(published, since=first.ingested_at)) == ["e1", "e2"]
    assert ids(read(published, since="latest")) == []
    assert ids(read(published, since=2)) == ["e2"]
    with read(published, since="latest", follow=True, idle=5.0) as subscription:
        published.events(make_event("e3"))
        assert next(subscription).value.event_id == "e3"
        assert subscription.poll() is None


def test_partitions_added_while_reading_are_read_from_their_beginning(
    published: Published, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker adds no partitions; run with Java and Maven, or KAFKA_BOOTSTRAP")
    monkeypatch.setattr("streams.client.subscription._NEW_PARTITIONS_SECONDS", 0.2)
    options = {"metadata_max_age_ms": 300}
    with read(published, since="latest", follow=True, timeout=20.0, options=options) as subscription:
        published.add_partitions("events.coded", 5)
        with published.transaction():
            published.write("events.coded", make_event("new"), "RUS>SYR", partition=4)
        assert next(subscription).value.event_id == "new"


def test_timeout_and_silence_end_the_loop(published: Published) -> None:
    published.events(make_event("e1"))
    assert ids(read(published, follow=True, idle=0.5)) == ["e1"]
    assert ids(read(published, follow=True, timeout=1.0)) == ["e1"]


def test_undecodable_message_stops_with_its_place_or_is_counted(published: Published) -> None:
    with published.transaction():
        published.write("events.coded", b'{"event_id": 1}', "RUS>SYR", partition=0)
        published.write("events.coded", make_event("good"), "RUS>SYR", partition=0)
    with pytest.raises(UndecodableMessageError, match=rf"{published.prefix}\.events\.coded\.v1\[0\]@0: .*; update"):
        list(read(published))
    errors: list[UndecodableMessageError] = []
    with read(published, on_error=errors.append) as subscription:
        assert ids(subscription) == ["good"]
    assert (subscription.skipped, errors[0].raw) == (1, b'{"event_id": 1}')


def test_what_cannot_work_is_said_at_once_with_the_remedy(published: Published) -> None:
    with pytest.raises(TopicMissingError, match=r"nowhere\.events\.coded\.v1: no such topic at .*TENSIONWIRE_PREFIX"):
        subscribe(published.bootstrap, "events.coded", prefix="nowhere")
    with pytest.raises(ConfigurationError, match=r"no topic 'events'; the public topics are reports\.raw"):
        subscribe(published.bootstrap, "events")
    with pytest.raises(BrokerAwayError, match=r"^no broker at 127\.0\.0\.1:1: nobody listens there; start Kafka"):
        subscribe("127.0.0.1:1", "events.coded")
    with pytest.raises(ConfigurationError, match="has no zone"):
        read(published, since=datetime(2018, 9, 18))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ConfigurationError, match="not both"):
        read(published, group="g", resume={"x[0]": 1})


def test_positions_that_the_log_does_not_hold_are_refused(published: Published) -> None:
    topic = published.topic("events.coded")
    with pytest.raises(PositionLostError, match="the log ends at 0; was the topic made anew"):
        read(published, resume={f"{topic}[0]": 7})
    with pytest.raises(ConfigurationError, match="cannot resume"):
        read(published, resume={"other.events.coded.v1[0]": 7})
    with pytest.raises(ConfigurationError, match="is no offset"):
        read(published, resume={f"{topic}[0]": "7"})


def test_fold_of_a_subscription_holds_what_stands(published: Published) -> None:
    published.events(make_event("a"), make_event("a", rev="2", retracted=True), make_event("b"))
    fold = EventsFold()
    for message in read(published):
        fold.push(message.value)
    assert set(fold.standing()) == {"b"}


def test_closed_or_dropped_subscription_gives_no_more(published: Published) -> None:
    published.events(make_event("e1"), make_event("e2"))
    subscription = read(published)
    next(subscription)
    subscription.close()
    assert list(subscription) == []
    assert subscription.poll(5.0) is None


def test_types_follow_the_topic(published: Published) -> None:
    with subscribe(published.bootstrap, "tension.actors", prefix=published.prefix, follow=False) as rows:
        found: list[ActorRow | None] = [message.value for message in rows]
    assert found == []
