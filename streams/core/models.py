"""The typed messages: what travels on the topics and lies in the tables.

All times are aware UTC `datetime`s, written as RFC 3339. Public messages are JSON objects; what only the worker
reads (ledger values, table values) is MessagePack with positional fields, because millions of them are restored.

`schemas/` is generated from these structs (`python -m streams.contract`). Ranges and patterns are told to the reader
in `extra_json_schema`, which decoding does not check: what we wrote ourselves is not validated again in the hot path.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "MODES",
    "PLOVER_TYPES",
    "QUAD_CLASS",
    "ActorId",
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

_HEX_32: Final = "^[0-9a-f]{32}$"
_ACTOR: Final = "[A-Z][A-Z0-9]*"


def told(description: str, *examples: object, unit: str | None = None, **schema: object) -> Meta:
    """Return what readers of the contract are told of a field; nothing in it is checked on decoding.

    `unit` becomes `x-unit`; `schema` holds keywords of JSON Schema, such as `minimum` or `pattern`.
    """
    if unit is not None:
        schema["x-unit"] = unit
    return Meta(description=description, examples=list(examples) or None, extra_json_schema=schema or None)


Moment = Annotated[datetime, told("RFC 3339 in UTC.", "2018-09-18T06:12:00Z", format="date-time")]
Day = Annotated[date, told("Day in UTC.", "2018-09-17", format="date")]
ReportId = Annotated[
    str,
    told("Identity of a report over all its versions.", "5f932c93481635166259bb0076a361c3", pattern=_HEX_32),
]
EventId = Annotated[
    str,
    told(
        "Identity of an event, the same in every version of its report.",
        "e1b4dcf3a0f1c2b3d4e5f60718293a4b",
        pattern=_HEX_32,
    ),
]
Rev = Annotated[
    str,
    told(
        "Names the version of the report; sorts as text, the larger is the newer.",
        "0000000001|2018-09-18T06:00:00.000000Z|0|00ff00ff00ff00ff",
        pattern=r"^[0-9]{10}\|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\|[01]\|[0-9a-f]{16}$",
    ),
]
Seq = Annotated[
    int,
    told("Raw offset that caused this message; of equal `rev`s the larger holds.", 1842, minimum=0),
]
Language = Annotated[str, told("Primary subtag in lower case, `und` if unknown.", "en", "und", pattern="^[a-z]{2,8}$")]
Outlet = Annotated[str, told("Outlet or feed, as its feeder names it.", "reuters-world", minLength=1, maxLength=512)]
LocalId = Annotated[
    str, told("The report's own id, unique within `source`.", "tag:a.example,2018:1", minLength=1, maxLength=4096)
]
ActorId = Annotated[
    str,
    told(
        "A state and all who act for it or in it (ISO 3166-1 alpha-3, XKX, former states), or a registered short code.",
        "RUS",
        "HEZ",
        "UN",
        pattern=f"^{_ACTOR}$",
    ),
]
Dyad = Annotated[str, told("A directed pair, source first.", "ISR>SYR", pattern=f"^{_ACTOR}>{_ACTOR}$")]
Plover = Annotated[str, told("Type of the event in PLOVER.", "ASSAULT", enum=sorted(QUAD_CLASS))]
Goldstein = Annotated[
    float,
    told("Positive is cooperation.", -9.0, 3.4, unit="Goldstein points", minimum=-10, maximum=10),
]
Confidence = Annotated[float, told("How sure the coder is; at most 3 decimals.", 0.9, minimum=0, maximum=1)]
Offset = Annotated[int, told("Offset in the report's full text.", unit="Unicode code point", minimum=0)]
Span = Annotated[tuple[Offset, Offset], told("[start, end) in the report's full text.", [0, 34])]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted version of a raw report, with defaults filled in and control characters blanked.

    `report_id`: 32 hex digits from (source, id). `rev`: sorts as text.
    `language`: primary subtag, lower case. `version`: 0 .. 2^31-1.
    """

    report_id: ReportId
    rev: Rev
    source: Outlet
    id: LocalId
    published_at: Annotated[Moment, told("When the source published it; from 1900 on.")]
    updated_at: Annotated[Moment, told("When the source made this version; not before `published_at`.")]
    title: Annotated[str, told("Title, or empty; full text is title, blank line, text.", "Israel hits Syria")]
    text: Annotated[str, told("Body, or empty; not both this and `title`.", "Israel struck Syria on Monday.")]
    language: Language
    url: Annotated[str | None, told("Where the source shows it.", "https://a.example/1", maxLength=4096)] = None
    version: Annotated[
        int, told("The source's own number; the larger is the newer.", 0, minimum=0, maximum=2**31 - 1)
    ] = 0
    status: Annotated[Status, told("`withdrawn`: the source takes the report back.", "usable")] = "usable"


class ReportState(msgspec.Struct, frozen=True, kw_only=True, tag="report", tag_field="kind"):
    """`reports.unique`: what deduplication last decided about a report.

    `report` is there when `state` is unique, else null. `seq`: raw offset that caused this message.
    `updated_at`: that of the version named by `rev`.
    """

    report_id: ReportId
    rev: Rev
    seq: Seq
    state: Annotated[State, told("Only a `unique` report counts; any other state takes its events back.", "unique")]
    language: Language
    updated_at: Annotated[Moment, told("That of the version named by `rev`.")]
    report: Annotated[Report | None, told("The report, if `state` is `unique`, else null.")] = None


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick", tag_field="kind"):
    """Event time has reached `watermark` in `language`; sent to every partition, carries no report."""

    language: Language
    watermark: Annotated[Moment, told("Largest accepted `updated_at` of the language.")]


class DuplicateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`reports.duplicate`: `report_id` repeats `duplicate_of`; `similarity` is containment in 0..1."""

    report_id: ReportId
    rev: Rev
    seq: Seq
    source: Outlet
    id: LocalId
    language: Language
    duplicate_of: Annotated[ReportId, told("The earliest report that is similar enough.")]
    similarity: Annotated[float, told("Containment: share of the shorter text's shingles.", 0.97, minimum=0, maximum=1)]
    updated_at: Annotated[Moment, told("That of the version named by `rev`.")]


class ActorRef(msgspec.Struct, frozen=True, kw_only=True):
    """An actor as mentioned: `mention` is the [start, end) offset pair in the report's full text, or null."""

    id: ActorId
    country: Annotated[
        str | None, told("ISO 3166-1 alpha-3 of the state it belongs to, or null.", "RUS", pattern="^[A-Z]{3}$")
    ] = None
    sector: Annotated[
        str | None, told("GOV, MIL, REB, OPP, IGO and others, or null; more may come.", "MIL", pattern="^[A-Z]{3}$")
    ] = None
    name: Annotated[str, told("Name to show; empty in a retraction.", "Russia")] = ""
    mention: Annotated[Span | None, told("[start, end) of its mention in the report's full text, or null.")] = None


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

    event_id: EventId
    report_id: ReportId
    rev: Rev
    seq: Seq
    sentence: Annotated[int, told("Index from 0; 0 is the title if there is one.", 1, minimum=0)]
    span: Annotated[Span, told('[start, end) of the sentence in the full text, `title + "\\n\\n" + text`.')]
    text: Annotated[str, told("The sentence; empty in a retraction.", "Israel struck Syria on Monday.")]
    source_actor: Annotated[ActorRef, told("Who did it.")]
    target_actor: Annotated[ActorRef, told("To whom.")]
    plover: Plover
    mode: Annotated[str, told("How it is told; more modes may come: count only what you know.", *MODES)]
    cameo: Annotated[str, told("CAMEO code; text, because `010` is not `10`.", "190", pattern="^[0-9]{2,4}$")]
    quad_class: Annotated[QuadClass, told("Follows from `plover`.", "material_conflict")]
    goldstein: Goldstein
    confidence: Confidence
    occurred_on: Annotated[Day, told("Day of the event as the text tells it, else the UTC day of `published_at`.")]
    published_at: Annotated[Moment, told("That of the report.")]
    outlet: Annotated[Outlet, told("`source` of the report.")]
    retracted: Annotated[bool, told("True takes the event back.", False)]
    codebook_version: Annotated[str, told("Compare for equality only.", "b5df72a8", minLength=1)]


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
