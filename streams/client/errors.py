"""What can go wrong for a subscriber, each with its place and a remedy.

TensionwireError
├── ConfigurationError
│   ├── TopicMissingError        the topic is not on the broker
│   ├── FilterError              a `where` expression that cannot be used
│   └── PositionLostError        the log no longer holds the place to resume at
└── UndecodableMessageError      a message that does not follow the contract
KafkaError
└── BrokerAwayError              nobody answers at the bootstrap address
"""

from __future__ import annotations

from kafka.errors import KafkaError

from streams.core.errors import ConfigurationError, TensionwireError

__all__ = ["BrokerAwayError", "FilterError", "PositionLostError", "TopicMissingError", "UndecodableMessageError"]


class BrokerAwayError(KafkaError):  # type: ignore[misc]  # kafka-python has no types
    """Kafka did not answer; the message says where, what is there instead, and what to do."""

    says_what_to_do = True

    def __str__(self) -> str:
        """Return the message alone; Kafka's own errors put the class before it."""
        return " ".join(map(str, self.args))


class TopicMissingError(ConfigurationError):
    """The topic does not exist on this broker under this prefix."""

    code = "topic_missing"

    def __init__(self, topic: str, bootstrap: str) -> None:
        remedy = "check the prefix (TENSIONWIRE_PREFIX), or run `tensionwire topics init`"
        super().__init__(f"{topic}: no such topic at {bootstrap}; {remedy}")
        self.topic = topic


class FilterError(ConfigurationError):
    """A `where` expression that cannot be used; `column` counts from 0, `pointer` shows it below the expression."""

    code = "filter_invalid"

    def __init__(self, problem: str, expression: str, column: int) -> None:
        super().__init__(f"where: column {column + 1}: {problem}")
        self.column = column
        shown = "".join(char if char.isprintable() else " " for char in expression)
        self.pointer = f"{shown}\n{' ' * column}^"


class PositionLostError(ConfigurationError):
    """The place to resume at is not in the log: retention removed it, or the topic was made anew."""

    code = "position_lost"


class UndecodableMessageError(TensionwireError):
    """A message that does not follow the contract, at `topic`[`partition`]@`offset`; `raw` holds its bytes."""

    code = "message_undecodable"

    def __init__(self, topic: str, partition: int, offset: int, reason: str, raw: bytes) -> None:
        remedy = "update tensionwire if the worker is newer, or pass on_error to skip and count such messages"
        super().__init__(f"{topic}[{partition}]@{offset}: {reason}; {remedy}")
        self.topic, self.partition, self.offset = topic, partition, offset
        self.reason, self.raw = reason, raw
