"""The words of a check: findings, and why something could not be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Check", "Finding", "Skipped", "Verdict", "alter_topic", "error", "warning"]

Severity = Literal["error", "warning"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: a stable `id`, where, what, and a remedy, as a command where one can do it."""

    id: str
    severity: Severity
    place: str
    problem: str
    remedy: str


class Skipped(NamedTuple):
    """A check that could not be done; that is not the same as passing it."""

    why: str


Verdict = list[Finding] | Skipped


class Check(NamedTuple):
    """A question with a stable name; `run` answers it."""

    name: str
    title: str
    run: Callable[[], Verdict]


def error(name: str, place: str, problem: str, remedy: str) -> Finding:
    """Return a finding that keeps the installation from working, now or the first time it matters."""
    return Finding(name, "error", place, problem, remedy)


def warning(name: str, place: str, problem: str, remedy: str) -> Finding:
    """Return a finding that works but is likely not meant."""
    return Finding(name, "warning", place, problem, remedy)


# The names of Apache Kafka's own scripts; some packages leave out `.sh`.
_CONFIGS: Final = "kafka-configs.sh --bootstrap-server"


def alter_topic(bootstrap: str, topic: str, settings: Sequence[tuple[str, str]]) -> str:
    """Return the command that sets topic settings.

    >>> alter_topic("k:9092", "t", [("retention.ms", "5")]).partition(" --entity-type ")[2]
    'topics --entity-name t --add-config retention.ms=5'
    """
    given = ",".join(f"{name}={value}" for name, value in settings)
    return f"{_CONFIGS} {bootstrap} --alter --entity-type topics --entity-name {topic} --add-config {given}"
