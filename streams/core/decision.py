"""What a stage decides about one input: messages to send, state to write, discards to count.

Every stage is `decide(state, item) -> Decision` (pure, reads the state) followed by `state.apply(write)`. Restoring
a changelog is the same `apply` over its records, so a restored state cannot differ from a lived one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import msgspec

__all__ = ["Decision", "Output", "Write"]


class Output(NamedTuple):
    """A message for `topic` (a name of DESIGN such as "reports.unique").

    `key` None with `broadcast` sends `value` to every partition. `value` None is a tombstone.
    """

    topic: str
    key: str | None
    value: msgspec.Struct | None
    broadcast: bool = False


class Write(NamedTuple):
    """A change of the stage's table: `value` is a frozen, positional struct; None deletes the key."""

    key: str
    value: Any  # Each table has its own value types; `apply` of that table narrows them.


class Decision(NamedTuple):
    """`discards` holds bounded reasons (`superseded`, `repeated`, ...), one entry per discarded input."""

    outputs: list[Output]
    writes: list[Write]
    discards: list[str]
