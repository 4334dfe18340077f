"""The topics: what each one is called, keeps and allows; creating and comparing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kafka import KafkaAdminClient

    from streams.settings import Settings

__all__ = ["PUBLIC_TOPICS", "RAW_MAX_BYTES", "REJECTED_MAX_BYTES", "TABLES", "Topic", "compare", "create", "topics_of"]

DAY_MS: Final = 86_400_000
# A report may have 256 KiB; what is larger must still reach the worker, which says so on the rejected topic.
RAW_MAX_BYTES: Final = 4 * 1024 * 1024
# Room for the headers that say where a rejected record came from and why.
REJECTED_MAX_BYTES: Final = RAW_MAX_BYTES + 64 * 1024
# Sketches look back 14 days and the ledger 65; replaying raw reports must reach past the classifier's 37.
RAW_RETENTION_DAYS: Final = 45
EVENT_RETENTION_DAYS: Final = 90

# Name -> what the topic's broker settings must be. `LogAppendTime` makes record timestamps ingest time.
_DELETE: Final = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}
# Only closed segments are compacted: the default of 1 GiB would let a small table's log grow for months.
_COMPACT: Final = {
    "cleanup.policy": "compact",
    "message.timestamp.type": "LogAppendTime",
    "segment.bytes": str(64 * 1024 * 1024),
}
PUBLIC_TOPICS: Final[dict[str, dict[str, str]]] = {
    "reports.raw": {
        **_DELETE,
        "retention.ms": str(RAW_RETENTION_DAYS * DAY_MS),
        "max.message.bytes": str(RAW_MAX_BYTES),
    },
    "reports.unique": {**_DELETE, "retention.ms": str(RAW_RETENTION_DAYS * DAY_MS)},
    "reports.duplicate": {**_DELETE, "retention.ms": str(RAW_RETENTION_DAYS * DAY_MS)},
    "reports.rejected": {
        **_DELETE,
        "retention.ms": str(RAW_RETENTION_DAYS * DAY_MS),
        "max.message.bytes": str(REJECTED_MAX_BYTES),
    },
    "events.coded": {**_DELETE, "retention.ms": str(EVENT_RETENTION_DAYS * DAY_MS)},
    "tension.actors": _COMPACT,
    "tension.dyads": _COMPACT,
    "tension.alerts": {**_DELETE, "retention.ms": str(EVENT_RETENTION_DAYS * DAY_MS)},
}
# Table -> the topic whose partitions it shares.
TABLES: Final = {"sketches": "reports.raw", "coded": "reports.unique", "ledger": "events.by_actor"}


class Topic(NamedTuple):
    """A topic as it must be: `config` holds only what differs from the broker's defaults."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


def topics_of(settings: Settings, codebook_version: str) -> list[Topic]:
    """Return every topic that this application needs, public ones first."""
    count, copies = settings.partitions, settings.replication
    public = [Topic(settings.topic(name), count, copies, config) for name, config in PUBLIC_TOPICS.items()]
    by_actor = Topic(
        settings.internal_topic("events.by_actor", codebook_version),
        count,
        copies,
        {**_DELETE, "retention.ms": str(RAW_RETENTION_DAYS * DAY_MS)},
    )
    changelogs = [Topic(settings.changelog(table, codebook_version), count, copies, _COMPACT) for table in TABLES]
    return [*public, by_actor, *changelogs]


def create(admin: KafkaAdminClient, wanted: list[Topic]) -> list[str]:
    """Create the topics that are missing and return their names; existing ones are left as they are.

    Raises: ConfigurationError with the broker's reason.
    """
    existing = set(admin.list_topics())
    missing = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": dict(topic.config),
        }
        for topic in wanted
        if topic.name not in existing
    }
    try:
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # Somebody else was quicker; what differs shows in `topics diff`.
        pass
    except KafkaError as error:
        raise ConfigurationError(f"cannot create topics: {error}; check replication and the broker's rights") from None
    return list(missing)


def compare(admin: KafkaAdminClient, wanted: list[Topic]) -> list[str]:
    """Return one line per difference between `wanted` and the broker, with the remedy; none if all is well."""
    existing = set(admin.list_topics())
    lines = [f"{t.name}: missing; run `tensionwire topics init`" for t in wanted if t.name not in existing]
    present = [topic for topic in wanted if topic.name in existing]
    if present:
        partitions = {d["name"]: len(d["partitions"]) for d in admin.describe_topics([t.name for t in present])}
        configs = _configs(admin, [topic.name for topic in present])
        for topic in present:
            lines += _differences(topic, partitions[topic.name], configs.get(topic.name, {}))
    return lines


def _differences(topic: Topic, partitions: int, config: Mapping[str, str]) -> list[str]:
    lines = []
    if partitions != topic.partitions:
        remedy = f"set TENSIONWIRE_PARTITIONS={partitions}, or start over under a new TENSIONWIRE_PREFIX"
        lines.append(f"{topic.name}: {partitions} partitions instead of {topic.partitions}; {remedy}")
    for name, value in topic.config.items():
        if name in config and config[name] != value:
            remedy = f"kafka-configs --alter --topic {topic.name} --add-config {name}={value}"
            lines.append(f"{topic.name}: {name} is {config[name]} instead of {value}; {remedy}")
    return lines


def _configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, None) for name in names]
    described = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {name: {key: data["value"] for key, data in values.items()} for name, values in described.items()}
