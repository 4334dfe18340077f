"""Fixtures that every kind of test may ask for."""

from __future__ import annotations

import re
import uuid
import warnings
from typing import TYPE_CHECKING

import pytest

with warnings.catch_warnings():
    # kafka-python reads its schemas, all on its first import, with functions that 3.11 deprecates.
    warnings.filterwarnings("ignore", r"(read|open)_text is deprecated", DeprecationWarning)
    from kafka_source import Broker, KafkaSource

if TYPE_CHECKING:
    from collections.abc import Iterator

_BROKER = pytest.StashKey[str]()
# The worker's own broker, as pytest-xdist carries it to the process that prints the summary.
_WORKER_OUTPUT = "tensionwire_broker"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Broker]:
    """Yield the broker of this session; it starts when the first test asks for it."""
    with KafkaSource(tmp_path_factory.mktemp("broker")) as started:
        line = f"{started.kind} at {started.bootstrap} ({started.reason})"
        pytestconfig.stash[_BROKER] = line
        worker_output = getattr(pytestconfig, "workeroutput", None)
        if worker_output is not None:
            worker_output[_WORKER_OUTPUT] = line
        yield started


@pytest.fixture
def unique_prefix(request: pytest.FixtureRequest) -> str:
    """Return a prefix for topics, groups and transactional ids that no other test uses.

    It holds the test's name, so that a topic left on a cluster says where it came from.
    """
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
    return f"test.{name}.{uuid.uuid4().hex[:8]}."


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    output: dict[str, str] = getattr(node, "workeroutput", {})
    config: pytest.Config = node.config  # type: ignore[attr-defined]  # xdist has no types
    if _WORKER_OUTPUT in output:
        config.stash[_BROKER] = output[_WORKER_OUTPUT]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    line = terminalreporter.config.stash.get(_BROKER, None)
    if line is not None:
        terminalreporter.write_line(f"Kafka broker of this run: {line}")
