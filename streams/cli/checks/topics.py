"""Rules on topics: there, alike, kept long enough, large enough, copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from streams.cli.checks.finding import Finding, Skipped, alter_topic, error, warning
from streams.worker.topics import TABLES, topics_of

if TYPE_CHECKING:
    from streams.cli.checks.finding import Verdict
    from streams.cli.checks.snapshot import Snapshot, TopicState
    from streams.settings import Settings
    from streams.worker.topics import Topic

__all__ = [
    "check_cleanup",
    "check_copies",
    "check_exist",
    "check_leftovers",
    "check_partitions",
    "check_retention",
    "check_sizes",
    "check_timestamps",
]

# Unlimited, in `retention.ms` and `retention.bytes`.
_UNLIMITED: Final = -1
_MISSING: Final = "no topic of this prefix is there yet"
_UNREADABLE: Final = "no topic of this prefix is there yet, or this user may not read topic settings"


def check_exist(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return the topics that are missing."""
    missing = [topic.name for topic in topics_of(settings, version) if topic.name not in snapshot.topics]
    remedy = f"TENSIONWIRE_PREFIX={settings.prefix} tensionwire topics init"
    return [error("topic.missing", f"topic {name}", "it does not exist", remedy) for name in missing]


def check_partitions(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return the topics with another number of partitions: keys that belong together would be apart."""
    wanted = _present(snapshot, settings, version)
    if not wanted:
        return Skipped(_MISSING)
    counts = {state.partitions for _, state in wanted}
    found = []
    for topic, state in wanted:
        if state.partitions != topic.partitions:
            alike = f"export TENSIONWIRE_PARTITIONS={state.partitions}"
            apart = "start over: export TENSIONWIRE_PREFIX=NEW; tensionwire topics init; then feed again"
            problem = f"{state.partitions} partitions instead of {topic.partitions} (TENSIONWIRE_PARTITIONS)"
            remedy = alike if len(counts) == 1 else apart
            found.append(error("topic.partitions", f"topic {topic.name}", problem, remedy))
    return found


def check_cleanup(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return topics that forget what must stay, or keep what must go."""
    found, wanted = [], _readable(snapshot, settings, version)
    for topic, state in wanted:
        is_policy, must = state.config.get("cleanup.policy"), topic.config["cleanup.policy"]
        if is_policy is not None and is_policy != must:
            harm = "tables would lose their oldest rows" if must == "compact" else "older records of a key would vanish"
            remedy = alter_topic(settings.bootstrap, topic.name, [("cleanup.policy", must)])
            place = f"topic {topic.name}: cleanup.policy"
            found.append(error("topic.cleanup_policy", place, f"{is_policy} instead of {must}: {harm}", remedy))
        segment, limit = _number(state, "segment.bytes"), topic.config.get("segment.bytes")
        if limit is not None and segment is not None and segment > int(limit):
            remedy = alter_topic(settings.bootstrap, topic.name, [("segment.bytes", limit)])
            problem = f"{segment} instead of {limit}: compaction waits for a full segment, restores get slow"
            found.append(warning("topic.segment_bytes", f"topic {topic.name}: segment.bytes", problem, remedy))
    return found if wanted else Skipped(_UNREADABLE)


def check_sizes(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return topics that refuse the largest record they must take."""
    found, wanted = [], _readable(snapshot, settings, version)
    for topic, state in wanted:
        limit, most = topic.config.get("max.message.bytes"), _number(state, "max.message.bytes")
        if limit is not None and most is not None and most < int(limit):
            remedy = alter_topic(settings.bootstrap, topic.name, [("max.message.bytes", limit)])
            problem = f"{most} instead of {limit}: the worker stops at a record that does not fit"
            found.append(error("topic.message_bytes", f"topic {topic.name}: max.message.bytes", problem, remedy))
    return found if wanted else Skipped(_UNREADABLE)


def check_retention(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return topics that forget too early, by time or by size."""
    found, wanted = [], _readable(snapshot, settings, version)
    for topic, state in wanted:
        if "retention.ms" not in topic.config:
            continue
        least, kept = int(topic.config["retention.ms"]), _number(state, "retention.ms")
        if kept is not None and kept != _UNLIMITED and kept < least:
            remedy = alter_topic(settings.bootstrap, topic.name, [("retention.ms", str(least))])
            problem = f"kept {kept / 86_400_000:.1f} days instead of {least / 86_400_000:.0f}"
            found.append(error("topic.retention", f"topic {topic.name}: retention.ms", problem, remedy))
        if _number(state, "retention.bytes") not in (None, _UNLIMITED):
            remedy = alter_topic(settings.bootstrap, topic.name, [("retention.bytes", str(_UNLIMITED))])
            problem = (
                f"{state.config['retention.bytes']} bytes a partition: a busy day ends the {least // 86_400_000} days"
            )
            found.append(warning("topic.retention_bytes", f"topic {topic.name}: retention.bytes", problem, remedy))
    return found if wanted else Skipped(_UNREADABLE)


def check_timestamps(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return topics whose records carry the sender's clock: retention and "in the future" would follow it."""
    found, wanted = [], _readable(snapshot, settings, version)
    for topic, state in wanted:
        kind, must = state.config.get("message.timestamp.type"), topic.config["message.timestamp.type"]
        if kind is not None and kind != must:
            remedy = alter_topic(settings.bootstrap, topic.name, [("message.timestamp.type", must)])
            problem = f"{kind} instead of {must}: timestamps are the sender's, not ingest time"
            place = f"topic {topic.name}: message.timestamp.type"
            found.append(error("topic.timestamp_type", place, problem, remedy))
    return found if wanted else Skipped(_UNREADABLE)


def check_copies(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return topics that cannot be written now, or would be lost with one broker."""
    found: list[Finding] = []
    nodes, wanted = len(snapshot.nodes), _present(snapshot, settings, version)
    if settings.replication > nodes:
        problem = f"{settings.replication} copies on {nodes} broker{'s' if nodes > 1 else ''}: no topic can be created"
        remedy = f"export TENSIONWIRE_REPLICATION={nodes}"
        found.append(error("setting.replication", "TENSIONWIRE_REPLICATION", problem, remedy))
    for topic, state in wanted:
        found += _copies(topic, state, nodes, settings.bootstrap)
    return found if wanted or found else Skipped(_MISSING)


def _copies(topic: Topic, state: TopicState, nodes: int, bootstrap: str) -> list[Finding]:
    found, place = [], f"topic {topic.name}"
    least = _number(state, "min.insync.replicas") or 1
    describe = f"kafka-topics.sh --bootstrap-server {bootstrap} --describe --topic {topic.name}"
    if state.leaderless:
        problem = f"{state.leaderless} of {state.partitions} partitions have no leader: a broker is down"
        found.append(error("topic.no_leader", place, problem, f"start the broker that is down; {describe}"))
    if least > state.replicas:
        problem = f"{least} in-sync copies wanted of {state.replicas}: nothing can be written with acks=all"
        remedy = alter_topic(bootstrap, topic.name, [("min.insync.replicas", str(max(1, state.replicas - 1)))])
        found.append(error("topic.min_insync", f"{place}: min.insync.replicas", problem, remedy))
    elif state.in_sync < least:
        problem = f"{state.in_sync} copies in sync, {least} needed: writes are refused now"
        found.append(error("topic.under_replicated", place, problem, f"bring the brokers back; {describe}"))
    elif state.in_sync < state.replicas:
        problem = f"{state.in_sync} of {state.replicas} copies in sync: a broker is down or slow"
        found.append(warning("topic.under_replicated", place, problem, describe))
    if state.replicas == 1 and nodes > 1:
        problem = f"one copy on {nodes} brokers: losing one broker loses records"
        remedy = "raise it with kafka-reassign-partitions.sh; for new topics: export TENSIONWIRE_REPLICATION=3"
        found.append(warning("topic.replication", place, problem, remedy))
    return found


def check_leftovers(snapshot: Snapshot, settings: Settings, version: str) -> Verdict:
    """Return inner topics of other codebooks: no worker of this version reads them."""
    prefix = re.escape(settings.prefix)
    table = "|".join(TABLES)
    inner = re.compile(
        rf"{prefix}-(?P<a>[0-9a-f]{{8}})-(?:{table})-changelog|{prefix}\.events\.by_actor\.v1\.(?P<b>[0-9a-f]{{8}})"
    )
    others: dict[str, list[str]] = {}
    for name in sorted(snapshot.names):
        found = inner.fullmatch(name)
        if found is not None and (codebook := found["a"] or found["b"]) != version:
            others.setdefault(codebook, []).append(name)
    delete = f"kafka-topics.sh --bootstrap-server {settings.bootstrap} --delete --topic"
    return [
        warning(
            "topic.leftover",
            f"codebook {codebook}",
            f"{len(names)} topics of another codebook are left: {', '.join(names)}",
            f"once no worker of it runs: {delete} '{'|'.join(name.replace('.', '[.]') for name in names)}'",
        )
        for codebook, names in others.items()
    ]


def _present(snapshot: Snapshot, settings: Settings, version: str) -> list[tuple[Topic, TopicState]]:
    wanted = topics_of(settings, version)
    return [(topic, snapshot.topics[topic.name]) for topic in wanted if topic.name in snapshot.topics]


def _readable(snapshot: Snapshot, settings: Settings, version: str) -> list[tuple[Topic, TopicState]]:
    return [(topic, state) for topic, state in _present(snapshot, settings, version) if state.config]


def _number(state: TopicState, name: str) -> int | None:
    value = state.config.get(name)
    return None if value is None else int(value)
