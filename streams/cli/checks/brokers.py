"""Rules on brokers: what a cluster must be for transactions, consumer groups and topics to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.cli.checks.finding import Finding, Skipped, error, warning
from streams.worker.topics import REJECTED_MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.cli.checks.finding import Verdict
    from streams.cli.checks.snapshot import Node, Snapshot
    from streams.settings import Settings

__all__ = [
    "TRANSACTION_TIMEOUT_MS",
    "check_auto_create",
    "check_clock",
    "check_request_size",
    "check_rights",
    "check_sessions",
    "check_transactions",
    "check_version",
]

# The worker's (`streams.worker.exactly_once`, which is too heavy to import here; a test compares the two).
TRANSACTION_TIMEOUT_MS: Final = 60_000
# Milliseconds by which the broker's clock and this host's may differ: the tolerance for reports "in the future".
_CLOCK_MS: Final = 5 * 60 * 1000
_FETCH: Final = 1
_OFFSET_FETCH: Final = 9
# Kafka 4.0 dropped Fetch below version 4; 3.0 brought OffsetFetch 8.
_FETCH_OF_4: Final = 4
_OFFSET_FETCH_OF_3: Final = 8
_NEEDED: Final = frozenset({"READ", "WRITE", "DESCRIBE"})


def check_version(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return what the broker's age means; it is told by the requests it knows, since Kafka does not say."""
    del version
    place, remedy = settings.bootstrap, "upgrade to Apache Kafka 4 (deploy/kafka/run.sh --data DIR runs one node)"
    lowest_fetch = snapshot.versions.get(_FETCH, (0, 0))[0]
    highest_offsets = snapshot.versions.get(_OFFSET_FETCH, (0, 0))[1]
    if highest_offsets < _OFFSET_FETCH_OF_3:
        return [
            error("broker.too_old", place, "the broker is older than Kafka 3.0; the worker does not run on it", remedy)
        ]
    if lowest_fetch < _FETCH_OF_4:
        return [warning("broker.old", place, "the broker is older than Kafka 4.0; only 4.x is tested", remedy)]
    return []


def check_auto_create(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return the brokers on which a misspelt topic would be made instead of refused."""

    def rule(node: Node, values: dict[str, str]) -> Iterator[Finding]:
        if values.get("auto.create.topics.enable") == "true":
            yield warning(
                "broker.auto_create_topics",
                f"broker {node.id}: auto.create.topics.enable",
                "a topic that a typo names is created, with the wrong partitions and retention",
                "set auto.create.topics.enable=false in server.properties and restart the broker",
            )

    del settings, version
    return _on_each(snapshot, rule)


def check_transactions(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return what would keep the worker's transactions or offsets from being written."""

    def rule(node: Node, values: dict[str, str]) -> Iterator[Finding]:
        place = f"broker {node.id}: "
        longest = int(values.get("transaction.max.timeout.ms") or TRANSACTION_TIMEOUT_MS)
        if longest < TRANSACTION_TIMEOUT_MS:
            yield error(
                "broker.transaction_timeout",
                f"{place}transaction.max.timeout.ms",
                f"{longest} ms is less than the worker's {TRANSACTION_TIMEOUT_MS}; no worker can start a transaction",
                f"set transaction.max.timeout.ms={TRANSACTION_TIMEOUT_MS} or more in server.properties and restart it",
            )
        for name, topic in (("transaction.state.log", "__transaction_state"), ("offsets.topic", "__consumer_offsets")):
            yield from _internal_topic(snapshot, place, name, topic, values)

    del settings, version
    return _on_each(snapshot, rule)


def _internal_topic(snapshot: Snapshot, place: str, name: str, topic: str, values: dict[str, str]) -> Iterator[Finding]:
    setting = f"{name}.replication.factor"
    copies, nodes = int(values.get(setting) or 1), len(snapshot.nodes)
    if copies > nodes and topic not in snapshot.names:
        yield error(
            "broker.internal_replication",
            f"{place}{setting}",
            f"{copies} copies wanted, brokers: {nodes}; {topic} cannot be created, and its first use waits for ever",
            f"set {setting}={nodes} in server.properties and restart the broker, or add brokers",
        )
    elif copies == 1 and nodes > 1:
        yield warning(
            "broker.internal_replication_one",
            f"{place}{setting}",
            f"one copy on {nodes} brokers: losing one broker stops the worker",
            f"set {setting}={min(nodes, 3)} in server.properties before {topic} exists, or reassign its partitions",
        )
    least = int(values.get("transaction.state.log.min.isr") or 1)
    if name == "transaction.state.log" and least > copies:
        yield error(
            "broker.transaction_min_isr",
            f"{place}transaction.state.log.min.isr",
            f"{least} in-sync copies wanted of {copies}: no transaction can be written",
            f"set transaction.state.log.min.isr={max(1, copies - 1)} in server.properties and restart the broker",
        )


def check_sessions(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return brokers that refuse the worker's session timeout."""
    del version
    wanted = int(settings.session_timeout_seconds * 1000)

    def rule(node: Node, values: dict[str, str]) -> Iterator[Finding]:
        low = int(values.get("group.min.session.timeout.ms") or wanted)
        high = int(values.get("group.max.session.timeout.ms") or wanted)
        if not low <= wanted <= high:
            yield error(
                "broker.session_timeout",
                "TENSIONWIRE_SESSION_TIMEOUT_SECONDS",
                f"{wanted} ms is outside {low}..{high}, which broker {node.id} allows: no worker can join the group",
                f"export TENSIONWIRE_SESSION_TIMEOUT_SECONDS={(low if wanted < low else high) / 1000:g}",
            )

    return _on_each(snapshot, rule)


def check_request_size(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return brokers that cannot take the largest rejected record in one request."""

    def rule(node: Node, values: dict[str, str]) -> Iterator[Finding]:
        most = int(values.get("socket.request.max.bytes") or 2 * REJECTED_MAX_BYTES)
        if most < 2 * REJECTED_MAX_BYTES:
            yield error(
                "broker.request_size",
                f"broker {node.id}: socket.request.max.bytes",
                f"{most} bytes; a batch with the largest rejected record needs {2 * REJECTED_MAX_BYTES}",
                f"set socket.request.max.bytes={2 * REJECTED_MAX_BYTES} in server.properties and restart the broker",
            )

    del settings, version
    return _on_each(snapshot, rule)


def check_rights(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return the topics on which we lack rights, as the broker lists them with a topic's description."""
    del version
    found: list[Finding] = []
    topics = [topic for topic in snapshot.topics.values() if topic.rights is not None]
    if not topics:
        return Skipped("the topics are not there yet, or this broker does not tell rights")
    for topic in topics:
        missing = sorted(_NEEDED - (topic.rights or frozenset()))
        if missing:
            command = f"kafka-acls.sh --bootstrap-server {settings.bootstrap} --add --allow-principal User:NAME"
            found.append(
                error(
                    "broker.rights",
                    f"topic {topic.name}",
                    f"this user may not {', '.join(missing)}",
                    f"{command} {' '.join(f'--operation {right}' for right in missing)} --topic {topic.name}",
                )
            )
    return found


def check_clock(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return a difference of clocks that is proven by the newest records, whose timestamps are the broker's."""
    del version
    before, after = snapshot.newest
    if not after:
        return Skipped("no record yet whose ingest time could be compared")
    ahead = max(stamp for _, stamp in after.values()) - snapshot.last.at_ms
    fresh = [stamp for place, (offset, stamp) in after.items() if offset > before.get(place, (-1, 0))[0]]
    # A record that came while we looked was stamped no earlier than when we began.
    behind = snapshot.first.at_ms - max(fresh) if fresh else 0
    remedy = "set the clocks of brokers and hosts by NTP: `timedatectl set-ntp true`"
    if ahead > _CLOCK_MS:
        problem = f"the brokers' clock is {ahead // 1000} s ahead of this host's"
        return [error("broker.clock", settings.bootstrap, problem, remedy)]
    if behind > _CLOCK_MS:
        problem = f"the brokers' clock is {behind // 1000} s behind this host's: fresh reports count as future ones"
        return [error("broker.clock", settings.bootstrap, problem, remedy)]
    if not fresh and ahead < -_CLOCK_MS:
        return Skipped(f"the newest record is {-ahead // 1000} s old; a clock that is behind shows in a fresh one only")
    return []


def _on_each(snapshot: Snapshot, rule: Callable[[Node, dict[str, str]], Iterator[Finding]]) -> Verdict:
    found: list[Finding] = []
    known = [node for node in snapshot.nodes if node.settings]
    for node in known:
        found += rule(node, node.settings or {})
    if not known:
        return Skipped(f"the brokers' settings cannot be read ({snapshot.unreadable or 'none given'})")
    return found
