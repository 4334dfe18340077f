"""The typed messages: what travels on the topics and lies in the tables.

All times are aware UTC `datetime`s, written as RFC 3339. Public messages are JSON objects; what only the worker
reads (ledger values, table values) is MessagePack with positional fields, because millions of them are restored.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Final, Literal

import msgspec

__all__ = [
    "MODES",
    "PLOVER_TYPES",
    "QUAD_CLASS",
    "ActorRef",
    "CodedEvent",
    "Coding",
    "Contribution",
    "DuplicateRecord",
    "Report",
    "ReportState",
    "Tick",
    "event_key",
]

Status = Literal["usable", "withdrawn"]
State = Literal["unique", "duplicate", "withdrawn"]
QuadClass = Literal["verbal_cooperation", "material_cooperation", "verbal_conflict", "material_conflict"]

# PLOVER type -> quad class; the one fixed mapping.
QUAD_CLASS: Final[dict[str, QuadClass]] = {
    "AGREE": "verbal_cooperation",
    "CONSULT": "verbal_cooperation",
    "SUPPORT": "verbal_cooperation",
    "CONCEDE": "verbal_cooperation",
    "COOPERATE": "material_cooperation",
    "AID": "material_cooperation",
    "RETREAT": "material_cooperation",
    "REQUEST": "verbal_conflict",
    "ACCUSE": "verbal_conflict",
    "REJECT": "verbal_conflict",
    "THREATEN": "verbal_conflict",
    "PROTEST": "material_conflict",
    "SANCTION": "material_conflict",
    "MOBILIZE": "material_conflict",
    "COERCE": "material_conflict",
    "ASSAULT": "material_conflict",
}
PLOVER_TYPES: Final = tuple(QUAD_CLASS)
MODES: Final = ("asserted",)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted version of a raw report, with defaults filled in and control characters blanked.

    `report_id`: 32 hex digits from (source, id). `rev`: sorts as text, see `core.identity`.
    `language`: primary subtag, lower case. `version`: 0 .. 2^31-1.
    """

    report_id: str
    rev: str
    source: str
    id: str
    published_at: datetime
    updated_at: datetime
    title: str
    text: str
    language: str
    url: str | None = None
    version: int = 0
    status: Status = "usable"


class ReportState(msgspec.Struct, frozen=True, kw_only=True, tag="report", tag_field="kind"):
    """`reports.unique`: what deduplication last decided about a report.

    `report` is there when `state` is unique, else null. `seq`: raw offset that caused this message.
    `updated_at`: that of the version named by `rev`.
    """

    report_id: str
    rev: str
    seq: int
    state: State
    language: str
    updated_at: datetime
    report: Report | None = None


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick", tag_field="kind"):
    """Event time has reached `watermark` in `language`; sent to every partition, carries no report."""

    language: str
    watermark: datetime


class DuplicateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`reports.duplicate`: `report_id` repeats `duplicate_of`; `similarity` is containment in 0..1."""

    report_id: str
    rev: str
    seq: int
    source: str
    id: str
    language: str
    duplicate_of: str
    similarity: float
    updated_at: datetime


class ActorRef(msgspec.Struct, frozen=True, kw_only=True):
    """An actor as mentioned: `mention` is the [start, end) offset pair in the report's full text, or null."""

    id: str
    country: str | None = None
    sector: str | None = None
    name: str = ""
    mention: tuple[int, int] | None = None


class Coding(msgspec.Struct, frozen=True, kw_only=True):
    """What the coder read in one place of a text: who did what to whom, when. No identity yet.

    `sentence`: index from 0 (0 is the title if there is one). `span`: [start, end) of the sentence in the full text
    (`title + "\\n\\n" + text`, or the one that is there). `goldstein`: -10..10. `confidence`: 0..1, at most 3 decimals.
    """

    sentence: int
    span: tuple[int, int]
    text: str
    source_actor: ActorRef
    target_actor: ActorRef
    plover: str
    mode: str
    cameo: str
    goldstein: float
    confidence: float
    occurred_on: date


class CodedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`events.coded`: one event read from one report. A retraction repeats the identity with `retracted` true.

    A retraction carries an empty `text` and no mentions: the words went with the report. `outlet`: the report's source.
    """

    event_id: str
    report_id: str
    rev: str
    seq: int
    sentence: int
    span: tuple[int, int]
    text: str
    source_actor: ActorRef
    target_actor: ActorRef
    plover: str
    mode: str
    cameo: str
    quad_class: QuadClass
    goldstein: float
    confidence: float
    occurred_on: date
    published_at: datetime
    outlet: str
    retracted: bool
    codebook_version: str


class Contribution(msgspec.Struct, frozen=True, kw_only=True, tag="contribution", tag_field="kind"):
    """`events.by_actor`: what one report says about one event group, addressed to the ledger of one actor.

    The group is (source, target, plover, day). `goldstein`: lower median over the report's events of the group;
    `confidence`: their maximum. `present` false takes back what an earlier revision contributed.
    `updated_at`: of the report version that caused this message; it drives the ledger's watermark.
    """

    actor: str
    day: date
    source: str
    target: str
    plover: str
    report_id: str
    rev: str
    seq: int
    present: bool
    goldstein: float
    confidence: float
    published_at: datetime
    updated_at: datetime
    outlet: str
    event_ids: tuple[str, ...]


def event_key(source: str, target: str) -> str:
    """Return the Kafka key of a dyad's messages.

    >>> event_key("RUS", "SYR")
    'RUS>SYR'
    """
    return f"{source}>{target}"
