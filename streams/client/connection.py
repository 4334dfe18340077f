"""Reaching the broker: an address that answers, a topic that is there, else an error that says so at once."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.client.errors import BrokerAwayError, TopicMissingError
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["connect", "partitions"]

_CONNECT_SECONDS: Final = 3.0
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
    Raises: BrokerAwayError; ConfigurationError if an address or an option cannot be used.
    """
    if not any(_listens(server) for server in bootstrap.split(",")):
        raise BrokerAwayError(f"no broker at {bootstrap}")
    chosen = {**_DEFAULTS, **(options or {}), **fixed, "isolation_level": "read_committed"}
    try:
        return KafkaConsumer(bootstrap_servers=bootstrap.split(","), **chosen)
    except AssertionError as error:
        raise ConfigurationError(f"kafka options: {error}; see kafka-python's KafkaConsumer") from None
    except KafkaError as error:
        raise BrokerAwayError(f"no broker at {bootstrap} ({type(error).__name__})") from None


def partitions(consumer: KafkaConsumer, topic: str, bootstrap: str) -> list[TopicPartition]:
    """Return the partitions of `topic`, in order.

    Raises: TopicMissingError.
    """
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise TopicMissingError(topic, bootstrap)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _listens(server: str) -> bool:
    # Kafka's clients retry for half a minute; who mistyped a port should know at once.
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"bootstrap: {server!r} is not host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True
