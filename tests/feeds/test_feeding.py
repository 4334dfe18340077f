"""The feeder on a clock and a sender of the test: order, pace, and how far a file counts as acknowledged."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from histories import encode, make_report

from streams.feeds.feeding import Feeder, Interruption
from streams.feeds.files import ReportFile
from streams.feeds.pacing import FullSpeed, Pace, Speedup
from streams.feeds.resuming import Position, Prefix
from streams.feeds.sending import BrokerLostError

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeSender:
    """Takes what it is given; `answers` decides by id: True acknowledged, False refused, None never told."""

    def __init__(self, clock: Clock, answers: dict[str, bool | None] | None = None) -> None:
        self.sent: list[tuple[float, str]] = []
        self._clock = clock
        self._answers = answers or {}

    def wait_for_room(self) -> bool:
        return True

    def wait_until_acknowledged(self) -> bool:
        if None in self._answers.values():
            raise BrokerLostError("nothing acknowledged")
        return True

    def send(self, report: Any, raw: bytes, failed: Callable[[BaseException], Any], done: Callable[[], Any]) -> None:
        del raw
        self.sent.append((round(self._clock() - 50.0, 3), report.id))
        answer = self._answers.get(report.id, True)
        if answer is not None:
            done() if answer else failed(ValueError("too large"))


def feed(
    raws: list[bytes],
    *,
    pace: Pace | None = None,
    answers: dict[str, bool | None] | None = None,
    stop: Interruption | None = None,
) -> tuple[FakeSender, Feeder, list[Prefix], list[str], BaseException | None]:
    clock = Clock()
    sender = FakeSender(clock, answers)
    said: list[str] = []
    prefixes: list[Prefix] = []
    feeder = Feeder(
        sender,  # type: ignore[arg-type]  # as much of a Sender as is used
        pace or FullSpeed(),
        lambda file, line, reason: said.append(f"{file}:{line}: {reason}"),
        stop=stop,
        clock=clock,
        sleep=clock.sleep,
    )
    caught: BaseException | None = None
    try:
        feeder.feed(ReportFile("f", io.BytesIO(b"\n".join(raws)), None), Position(), prefixes.append)
    except (BrokerLostError, KeyboardInterrupt) as error:
        caught = error
    return sender, feeder, prefixes, said, caught


def at(hour: int, minute: int = 0) -> str:
    return f"2018-09-18T{hour:02}:{minute:02}:00Z"


def test_a_replay_keeps_the_order_of_the_file_and_the_reports_as_they_are() -> None:
    hours = {"a": 1, "b": 3, "c": 2, "d": 4}
    raws = [encode(make_report(id=name, published_at=at(hour))) for name, hour in hours.items()]
    sender, *_ = feed(raws, pace=Speedup(3600))
    assert sender.sent == [(0.0, "a"), (2.0, "b"), (2.0, "c"), (3.0, "d")]


def test_rejected_lines_are_not_waited_for_and_count_as_settled() -> None:
    raws = [encode(make_report(id="a")), b"{}", b"", b"[1]"]
    sender, feeder, prefixes, said, _ = feed(raws)
    assert [name for _, name in sender.sent] == ["a"]
    assert feeder.tally.rejected == {"missing_field": 1, "not_an_object": 1}
    assert feeder.tally.places == {"missing_field": [("f", 2)], "not_an_object": [("f", 4)]}
    assert prefixes[-1].position.line == 4
    assert said[1].startswith("f:4: not_an_object: ")


@pytest.mark.parametrize("answer", [False, None], ids=["refused", "never answered"])
def test_what_the_broker_has_not_taken_is_not_passed_over(answer: bool | None) -> None:  # noqa: FBT001 - a case
    raws = [encode(make_report(id=name)) for name in "abcd"]
    _, feeder, prefixes, _, _ = feed(raws, answers={"c": answer})
    assert prefixes[-1].position.line == 2
    assert feeder.tally.acknowledged == 3


def test_a_signal_ends_the_run_between_two_lines() -> None:
    stop = Interruption()
    clock_was_read = []

    class StopAtThird(FullSpeed):
        def due(self, published_at: Any, now: float) -> float:
            clock_was_read.append(published_at)
            if len(clock_was_read) == 3:
                stop.signal = 2
            return super().due(published_at, now)

    sender, *_, caught = feed([encode(make_report(id=name)) for name in "abcd"], pace=StopAtThird(), stop=stop)
    assert isinstance(caught, KeyboardInterrupt)
    assert [name for _, name in sender.sent] == ["a", "b", "c"]
