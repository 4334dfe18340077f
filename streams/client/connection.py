"""Reaching the broker: an address that answers, a topic that is there, else an error that says so at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.client.errors import BrokerAwayError, TopicMissingError
from streams.client.listener import find_broker, parse_bootstrap
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["connect", "partitions"]

# What the client asks of Kafka unless the caller's options say otherwise; committed records only is not negotiable.
_DEFAULTS: Final[dict[str, Any]] = {
    "client_id": "tensionwire-client",
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 10_000,
    "max_partition_fetch_bytes": 8 * 1024 * 1024,
}


def connect(bootstrap: str, options: Mapping[str, Any] | None = None, **fixed: Any) -> KafkaConsumer:  # noqa: ANN401 - kafka-python's options
    """Return a consumer that sees committed records only.

    `options`: more of kafka-python's settings, such as `security_protocol` and `sasl_mechanism`.
    Raises: BrokerAwayError within seconds, with what answers instead; ConfigurationError if an address or an option
    cannot be used.
    """
    addresses = parse_bootstrap(bootstrap)
    # A listener that options make TLS cannot be asked in the clear; the client itself says what fails there.
    plain = (options or {}).get("security_protocol", "PLAINTEXT") in ("PLAINTEXT", "SASL_PLAINTEXT")
    problem = find_broker(addresses) if plain else None
    if problem is not None:
        raise BrokerAwayError(f"no broker at {bootstrap}: {problem}")
    chosen = {**_DEFAULTS, **(options or {}), **fixed, "isolation_level": "read_committed"}
    try:
        return KafkaConsumer(bootstrap_servers=[str(address) for address in addresses], **chosen)
    except AssertionError as error:
        raise ConfigurationError(f"kafka options: {error}; see kafka-python's KafkaConsumer") from None
    except KafkaError as error:
        remedy = "does its listener want TLS or a password, is it ready, does it advertise an address one can reach?"
        raise BrokerAwayError(f"the broker at {bootstrap} lets nobody in ({error}); {remedy}") from None


def partitions(consumer: KafkaConsumer, topic: str, bootstrap: str) -> list[TopicPartition]:
    """Return the partitions of `topic`, in order.

    Raises: TopicMissingError.
    """
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise TopicMissingError(topic, bootstrap)
    return [TopicPartition(topic, number) for number in sorted(numbers)]
