"""The public topics as their readers know them: keys, messages, meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streams.contract.messages import RAW_REPORT_RULES, Alert, RawReport, RejectedHeaders
from streams.core.models import CodedEvent, DuplicateRecord, ReportState, Tick
from streams.core.tension import ActorRow, DyadRow
from streams.worker.topics import PUBLIC_TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

__all__ = ["CONTRACTS", "Key", "TopicContract"]

_HEX_KEY: Final = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_ACTOR_KEY: Final = {"type": "string", "pattern": "^[A-Z][A-Z0-9]*$"}
_DYAD_KEY: Final = {"type": "string", "pattern": "^[A-Z][A-Z0-9]*>[A-Z][A-Z0-9]*$"}


class Key(NamedTuple):
    """A record's key: UTF-8 text that fits `schema`."""

    description: str
    schema: Mapping[str, Any]


class TopicContract(NamedTuple):
    """What a public topic carries.

    `messages`: the structs of its values; of `reports.rejected`, that of its headers. `rules`: keywords of JSON Schema
    that no struct can express. `tombstones`: whether a null value deletes its key.
    """

    name: str
    version: int
    title: str
    description: str
    key: Key
    messages: tuple[type[msgspec.Struct], ...]
    describes: str = "value"
    rules: Mapping[str, Any] = {}
    tombstones: bool = False
    reserved: bool = False

    @property
    def versioned(self) -> str:
        """Name of the topic without its prefix, such as `events.coded.v1`."""
        return f"{self.name}.v{self.version}"

    @property
    def config(self) -> Mapping[str, str]:
        """Broker settings of the topic that differ from the broker's defaults."""
        return PUBLIC_TOPICS[self.name]


_LISTED: Final = (
    TopicContract(
        "reports.raw",
        1,
        "Raw report",
        "What feeders send, as it came.",
        Key(
            "Language of the report: primary subtag of `language` in lower case, `und` if there is none.",
            {"type": "string", "pattern": "^[a-z]{2,8}$"},
        ),
        (RawReport,),
        rules=RAW_REPORT_RULES,
    ),
    TopicContract(
        "reports.unique",
        1,
        "State of a report, or tick",
        "What deduplication says of each report, again whenever the verdict changes; and, each hour of event time, a "
        "tick in every partition.",
        Key("`report_id`; a tick has none and goes to every partition.", {**_HEX_KEY, "type": ["string", "null"]}),
        (ReportState, Tick),
    ),
    TopicContract(
        "reports.duplicate",
        1,
        "Duplicate",
        "Which report repeats which. It holds only as long as the newest state on `reports.unique` is `duplicate`.",
        Key("`report_id`", _HEX_KEY),
        (DuplicateRecord,),
    ),
    TopicContract(
        "reports.rejected",
        1,
        "Headers of a rejected record",
        "Records that could not be processed: the value is their original bytes, the headers say where and why.",
        Key(
            "That of the rejected record, as bytes, if it is shorter than 1024 bytes, else none.",
            {"type": ["string", "null"]},
        ),
        (RejectedHeaders,),
        describes="headers",
    ),
    TopicContract(
        "events.coded",
        1,
        "Coded event",
        "Who did what to whom, one event a message; a retraction takes one back.",
        Key("`SRC>TGT`, the ids of source and target actor.", _DYAD_KEY),
        (CodedEvent,),
    ),
    TopicContract(
        "tension.actors",
        1,
        "Tension of an actor",
        "The newest row of each actor. A tombstone (null value) says that the actor has left the ledger.",
        Key("Actor id.", _ACTOR_KEY),
        (ActorRow,),
        tombstones=True,
    ),
    TopicContract(
        "tension.dyads",
        1,
        "Tension of a directed pair",
        "The newest row of each directed pair. A tombstone (null value) says that the pair has left the ledger.",
        Key("`SRC>TGT`, the ids of source and target actor.", _DYAD_KEY),
        (DyadRow,),
        tombstones=True,
    ),
    TopicContract(
        "tension.alerts",
        1,
        "Alert (reserved)",
        "Reserved: the topic is created, nothing is written to it yet.",
        Key("Actor id.", _ACTOR_KEY),
        (Alert,),
        reserved=True,
    ),
)
# Versioned name -> contract, in the order of the flow.
CONTRACTS: Final[dict[str, TopicContract]] = {contract.versioned: contract for contract in _LISTED}
