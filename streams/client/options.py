"""What a subscription may be told, and which messages that lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

from streams.client.messages import actors_of, decode_record
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.client.errors import UndecodableMessageError
    from streams.client.messages import Message
    from streams.client.starting import Since

__all__ = ["Options", "selection"]

# Topics whose keys name actors.
_WITH_ACTORS: Final = ("events.coded", "tension.actors", "tension.dyads", "tension.alerts")


class Options(TypedDict, total=False):
    """What a subscription may be told; all have defaults.

    `where`: an expression (see `filters`), or a function of the value; neither sees tombstones, which never match.
    `actors`: messages about one of these only. `since`: where to start if `group` or `resume` do not know the place;
    default the earliest. `follow`: false ends at what is there now. `timeout`: ends after so many seconds; `idle`:
    after so many without any record. `on_error`: called for a message that cannot be decoded, which is then skipped and
    counted in `skipped`; without it the error is raised. `options`: more settings of kafka-python.
    """

    prefix: str
    where: str | Callable[[Any], bool] | None
    actors: Iterable[str] | None
    since: Since | None
    group: str | None
    resume: Mapping[str, int] | None
    follow: bool
    timeout: float | None
    idle: float | None
    on_error: Callable[[UndecodableMessageError], None] | None
    options: Mapping[str, Any] | None


def selection(topic: str, how: Options) -> Callable[[Any], Message[Any] | None]:
    """Return a function that decodes a record and gives its message if it is wanted, else None."""
    where, actors = how.get("where"), how.get("actors")
    wanted = None if actors is None else frozenset([actors] if isinstance(actors, str) else actors)
    if wanted is not None and topic not in _WITH_ACTORS:
        raise ConfigurationError(f"{topic} names no actors; those that do are {', '.join(_WITH_ACTORS)}")
    if isinstance(where, str):
        # simpleeval is loaded only by those who filter with it.
        from streams.client.filters import compile_filter  # noqa: PLC0415 - as above

        where = compile_filter(where, topic)

    def select(record: Any) -> Message[Any] | None:  # noqa: ANN401 - ConsumerRecord
        if wanted is not None and wanted.isdisjoint(actors_of(record)):
            return None
        message = decode_record(topic, record)
        if where is not None and (message.value is None or not where(message.value)):
            return None
        return message

    return select
