"""A cluster described: everything the rules look at, read and never written. Rules are tested on changed copies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError
from kafka.protocol.consumer import IsolationLevel

from streams.client.reading import open_consumer
from streams.worker.topics import topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.settings import Settings

__all__ = ["Group", "Member", "Node", "Place", "Sample", "Snapshot", "TopicState", "take_snapshot"]

# (topic, partition)
Place = tuple[str, int]

# How long a group's progress is watched; a worker commits several times a second.
_WATCH_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.25
# How long to look for records among the markers that transactions leave.
_PEEK_SECONDS: Final = 1.5
_INPUTS: Final = ("reports.raw", "reports.unique")


class Node(msgspec.Struct, frozen=True):
    """A broker and its settings; `settings` is None if we may not read them."""

    id: int
    settings: dict[str, str] | None


class TopicState(msgspec.Struct, frozen=True):
    """A topic that exists. `replicas`, `in_sync`: those of its worst partition. `rights`: None if nobody says."""

    name: str
    partitions: int
    replicas: int
    in_sync: int
    leaderless: int
    config: dict[str, str]
    rights: frozenset[str] | None = None


class Member(msgspec.Struct, frozen=True):
    """A member of a consumer group and the topics it wants."""

    client_id: str
    host: str
    topics: frozenset[str]


class Group(msgspec.Struct, frozen=True):
    """A consumer group."""

    name: str
    state: str
    members: tuple[Member, ...]


class Sample(msgspec.Struct, frozen=True):
    """Where the group and the topics are at one moment; `at_ms`: this host's clock, milliseconds since 1970."""

    at_ms: int
    begins: dict[Place, int]
    ends: dict[Place, int]
    committed: dict[Place, int]


class Snapshot(msgspec.Struct, frozen=True):
    """A cluster as this application sees it.

    `versions`: API key -> lowest and highest version. `names`: every topic. `waiting`: input partitions that held a
    record after the committed offset in the first sample. `newest`: (offset, timestamp in ms) of the newest record of
    each of our topics' partitions, at the start and at the end.
    """

    versions: dict[int, tuple[int, int]]
    nodes: tuple[Node, ...]
    names: frozenset[str]
    topics: dict[str, TopicState]
    groups: dict[str, Group]
    first: Sample
    last: Sample
    waiting: frozenset[Place] = frozenset()
    newest: tuple[dict[Place, tuple[int, int]], dict[Place, tuple[int, int]]] = ({}, {})
    unreadable: str | None = None


def take_snapshot(admin: KafkaAdminClient, settings: Settings, version: str, brokers: Sequence[int]) -> Snapshot:
    """Return the cluster as it is now; takes up to four seconds if records wait. `brokers`: their ids.

    Raises: KafkaError.
    """
    described = {topic["name"]: topic for topic in admin.describe_topics()}
    wanted = [topic.name for topic in topics_of(settings, version) if topic.name in described]
    settings_of, unreadable = _configs(admin, ConfigResourceType.BROKER, [str(number) for number in brokers])
    configs, _ = _configs(admin, ConfigResourceType.TOPIC, wanted)
    topics = {name: _topic(described[name], configs.get(name, {})) for name in wanted}
    inputs = [*map(settings.topic, _INPUTS), settings.internal_topic("events.by_actor", version)]
    places = [(name, number) for name in inputs if name in topics for number in range(topics[name].partitions)]
    everywhere = [(name, number) for name in wanted for number in range(topics[name].partitions)]
    # Asking for a group where none ever was would create the topic that holds them.
    has_groups = "__consumer_offsets" in described
    application = settings.application_id(version)
    groups = _groups(admin, settings.prefix, application) if has_groups else {}
    newest = _newest(admin, everywhere)
    first = _sample(admin, application if has_groups else None, places)
    waiting = _waiting(settings.bootstrap, first)
    is_served = application in groups and bool(groups[application].members)
    last = _watch(admin, application, places, first, waiting) if is_served and waiting else first
    return Snapshot(
        versions={int(key): tuple(span) for key, span in admin.api_versions().items()},
        nodes=tuple(Node(number, settings_of.get(str(number))) for number in brokers),
        names=frozenset(described),
        topics=topics,
        groups=groups,
        first=first,
        last=last,
        waiting=waiting,
        newest=(newest, _newest(admin, everywhere)),
        unreadable=unreadable,
    )


def _configs(
    admin: KafkaAdminClient, kind: ConfigResourceType, names: Sequence[str]
) -> tuple[dict[str, dict[str, str]], str | None]:
    if not names:
        return {}, None
    try:
        found = admin.describe_configs([ConfigResource(kind, name, None) for name in names], config_filter="all")
    except KafkaError as failure:
        return {}, type(failure).__name__
    described = found.get(kind.name.lower(), {})
    return {name: {key: data["value"] for key, data in values.items()} for name, values in described.items()}, None


def _topic(described: Any, config: dict[str, str]) -> TopicState:  # noqa: ANN401 - kafka-python's dictionary
    partitions = described["partitions"]
    rights = described.get("authorized_operations")
    return TopicState(
        name=described["name"],
        partitions=len(partitions),
        replicas=min(len(partition["replica_nodes"]) for partition in partitions),
        in_sync=min(len(partition["isr_nodes"]) for partition in partitions),
        leaderless=sum(partition["leader_id"] < 0 for partition in partitions),
        config=config,
        rights=None if not isinstance(rights, list | tuple | set) else frozenset(str(right) for right in rights),
    )


def _groups(admin: KafkaAdminClient, prefix: str, application: str) -> dict[str, Group]:
    names = {group["group_id"] for group in admin.list_groups()}
    ours = sorted(name for name in names if name == application or name.startswith(f"{prefix}-"))
    if not ours:
        return {}
    return {name: _group(name, described) for name, described in admin.describe_groups(ours).items()}


def _group(name: str, described: Any) -> Group:  # noqa: ANN401 - kafka-python's dictionary
    members = [_member(member) for member in described["members"]]
    return Group(name, str(described["group_state"]), tuple(members))


def _member(described: Any) -> Member:  # noqa: ANN401 - as above
    wanted, given = described.get("member_metadata"), described.get("member_assignment")
    if isinstance(wanted, dict):
        topics = [str(topic) for topic in wanted.get("topics") or ()]
    else:
        # Faust's own protocol: kafka-python reads what its members were given, not what they asked for.
        assigned = given.get("assigned_partitions") if isinstance(given, dict) else ()
        topics = [str(partition["topic"]) for partition in assigned or ()]
    return Member(described["client_id"], described["client_host"].lstrip("/"), frozenset(topics))


def _sample(admin: KafkaAdminClient, group: str | None, places: Iterable[Place]) -> Sample:
    tps = [TopicPartition(*place) for place in places]
    committed = admin.list_group_offsets([group]).get(group, {}) if group is not None else {}
    return Sample(
        at_ms=int(time.time() * 1000),
        begins=_offsets(admin, tps, OffsetSpec.EARLIEST),
        ends=_offsets(admin, tps, OffsetSpec.LATEST),
        committed={tuple(tp): meta.offset for tp, meta in committed.items() if tp in tps and meta.offset >= 0},
    )


def _offsets(admin: KafkaAdminClient, tps: Sequence[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
    if not tps:
        return {}
    found = admin.list_partition_offsets(dict.fromkeys(tps, spec), IsolationLevel.READ_COMMITTED)
    return {tuple(tp): place.offset for tp, place in found.items()}


def _watch(
    admin: KafkaAdminClient, group: str, places: list[Place], first: Sample, waiting: frozenset[Place]
) -> Sample:
    """Return a later sample: the first that shows progress wherever records wait, or that of the end of the watch."""
    deadline = time.monotonic() + _WATCH_SECONDS
    while True:
        time.sleep(_LOOK_SECONDS)
        last = _sample(admin, group, places)
        moved = all(last.committed.get(place, 0) > first.committed.get(place, 0) for place in waiting)
        if moved or time.monotonic() > deadline:
            return last


def _newest(admin: KafkaAdminClient, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    tps = [TopicPartition(*place) for place in places]
    if not tps:
        return {}
    try:
        found = admin.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.MAX_TIMESTAMP))
    except KafkaError:
        # Brokers before 3.0 cannot say; the check of the clocks is then skipped.
        return {}
    return {tuple(tp): (place.offset, place.timestamp) for tp, place in found.items() if place.offset >= 0}


def _waiting(bootstrap: str, sample: Sample) -> frozenset[Place]:
    """Return the partitions with a committed record after the group's offset; markers of transactions are none."""
    behind = {}
    for place, end in sample.ends.items():
        start = max(sample.committed.get(place, 0), sample.begins[place])
        if start < end:
            behind[TopicPartition(*place)] = start
    if not behind:
        return frozenset()
    consumer = open_consumer(bootstrap)
    try:
        return _peek(consumer, behind, sample)
    finally:
        consumer.close()


def _peek(consumer: Any, behind: dict[TopicPartition, int], sample: Sample) -> frozenset[Place]:  # noqa: ANN401
    found: set[Place] = set()
    consumer.assign(list(behind))
    for tp, start in behind.items():
        consumer.seek(tp, start)
    left, deadline = set(behind), time.monotonic() + _PEEK_SECONDS
    while left and time.monotonic() < deadline:
        found |= {tuple(tp) for tp, records in consumer.poll(200).items() if records}
        left = {tp for tp in left if tuple(tp) not in found and consumer.position(tp) < sample.ends[tuple(tp)]}
        consumer.pause(*[tp for tp in behind if tp not in left])
    return frozenset(found)
