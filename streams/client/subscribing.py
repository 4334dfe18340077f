"""Subscriptions: an iterator over the committed messages of a topic, filtered, and resumed in one of two ways.

- `group="my-service"`: Kafka keeps the place. Offsets are committed once the caller has come back for the next message,
  so each message is handled at least once; leaving the loop in the middle of one leaves it for the next time.
- `resume=positions`: the caller keeps the place, best in the same database transaction as what it made of the message:
  then each message counts exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from streams.client.subscription import Subscription

if TYPE_CHECKING:
    from streams.client.messages import RawRecord, RejectedRecord
    from streams.client.options import Options
    from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick
    from streams.core.tension import ActorRow, DyadRow

__all__ = ["subscribe"]


@overload
def subscribe(bootstrap: str, topic: Literal["events.coded"], **how: Unpack[Options]) -> Subscription[CodedEvent]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["tension.actors"], **how: Unpack[Options]
) -> Subscription[ActorRow | None]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["tension.dyads"], **how: Unpack[Options]
) -> Subscription[DyadRow | None]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["reports.unique"], **how: Unpack[Options]
) -> Subscription[ReportState | Tick]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["reports.duplicate"], **how: Unpack[Options]
) -> Subscription[DuplicateRecord]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["reports.rejected"], **how: Unpack[Options]
) -> Subscription[RejectedRecord]: ...
@overload
def subscribe(bootstrap: str, topic: Literal["reports.raw"], **how: Unpack[Options]) -> Subscription[RawRecord]: ...
@overload
def subscribe(
    bootstrap: str, topic: Literal["tension.alerts"], **how: Unpack[Options]
) -> Subscription[dict[str, Any]]: ...
@overload
def subscribe(bootstrap: str, topic: str, **how: Unpack[Options]) -> Subscription[Any]: ...


def subscribe(bootstrap: str, topic: str, **how: Unpack[Options]) -> Subscription[Any]:
    """Return an iterator over the committed messages of `topic` (short name), typed by it; see `Options`.

    Within a partition, and so for one key, messages come in log order. Close it or use it as a context manager.
    Raises: BrokerAwayError, TopicMissingError, FilterError, PositionLostError, ConfigurationError.

        with subscribe("127.0.0.1:9092", "events.coded", where="goldstein < -5", actors={"RUS"}) as events:
            for message in events:
                print(message.value.text)
    """
    return Subscription(bootstrap, topic, how)
