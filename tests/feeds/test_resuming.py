"""How far a file was acknowledged: the prefix without a gap, kept so that a changed file or topic is refused."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from streams.core.errors import ConfigurationError
from streams.feeds.files import open_file
from streams.feeds.resuming import Position, Prefix, StateFile, state_path

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'
BEHIND_TWO = Position(18, 2)


def state_of(path: Path, *, bootstrap: str = "kafka:9092", topic: str = "raw") -> StateFile:
    return StateFile(state_path(str(path)), open_file(str(path)), bootstrap, topic)


def close(state: StateFile) -> None:
    state._source.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "r.ndjson"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def saved(file: Path) -> Path:
    state = state_of(file)
    state.save(BEHIND_TWO, 0.0, final=True)
    close(state)
    return file


def test_the_prefix_ends_before_the_first_line_that_is_not_settled() -> None:
    prefix = Prefix()
    entries = [prefix.begin(Position(number * 10, number)) for number in range(1, 101)]
    order = list(range(100))
    random.Random(1).shuffle(order)
    settled: set[int] = set()
    for index in order:
        entries[index]()
        settled.add(index)
        assert prefix.position.line == next(number for number in range(101) if number not in settled)


def test_a_kept_position_is_found_again_and_nothing_else_is_left_in_the_folder(saved: Path) -> None:
    state = state_of(saved)
    assert state.load() == BEHIND_TWO
    close(state)
    assert {path.name for path in saved.parent.iterdir()} == {"r.ndjson", "r.ndjson.feed-state.json"}


def test_without_a_state_the_beginning_is_taken(file: Path) -> None:
    state = state_of(file)
    assert state.load() == Position()
    close(state)


def test_a_file_that_has_grown_goes_on(saved: Path) -> None:
    saved.write_bytes(CONTENT + b'{"a": 4}\n')
    state = state_of(saved)
    assert state.load() == BEHIND_TWO
    close(state)


@pytest.mark.parametrize("content", [CONTENT[:10], CONTENT.replace(b"2", b"9"), b""], ids=["cut", "changed", "empty"])
def test_a_changed_file_is_refused_with_the_remedy(content: bytes, saved: Path) -> None:
    saved.write_bytes(content)
    state = state_of(saved)
    with pytest.raises(ConfigurationError, match=r"has changed since; feed again from the start without --resume"):
        state.load()
    close(state)


@pytest.mark.parametrize("other", [{"bootstrap": "other:9092"}, {"topic": "other"}], ids=str)
def test_another_broker_or_topic_is_refused(other: dict[str, str], saved: Path) -> None:
    state = state_of(saved, **other)
    with pytest.raises(ConfigurationError, match=r"is about raw at kafka:9092, not .*other"):
        state.load()
    close(state)


def test_a_broken_state_is_refused_and_named(saved: Path) -> None:
    state_path(str(saved)).write_bytes(b'{"version": 1')
    state = state_of(saved)
    with pytest.raises(ConfigurationError, match=r"feed-state\.json: cannot be read"):
        state.load()
    close(state)


def test_it_is_written_once_a_second_and_at_the_end(file: Path) -> None:
    state = state_of(file)

    def kept() -> bytes:
        return state.path.read_bytes()

    state.save(Position(9, 1), 10.0)
    first = kept()
    state.save(BEHIND_TWO, 10.5)
    assert kept() == first
    state.save(BEHIND_TWO, 11.0)
    second = kept()
    assert second != first
    state.save(Position(27, 3), 11.1, final=True)
    assert kept() != second
    close(state)
