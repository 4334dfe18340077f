"""What travels on public topics but has no struct of its own in the core: these serve the schemas alone."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from streams.core.errors import REJECT_CODES
from streams.core.identity import MAX_VERSION
from streams.core.models import ActorId, Moment, told
from streams.core.reports import MAX_NAME_CHARS, MAX_URL_CHARS

__all__ = ["Alert", "RawReport", "RejectedHeaders"]

# Characters of `detail` on the rejected topic.
MAX_DETAIL_CHARS: Final = 1000

# Of languages and dates too: some dialects of regular expressions let `$` match before a last line feed.
_NO_CONTROL: Final = {"type": "string", "pattern": "[\\u0000-\\u001F\\u007F-\\u009F]"}
# What `core.reports` takes: RFC 3339 with seconds and offset; also a blank for T, and an offset without its colon.
_MOMENT: Final = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$"
)
_LANGUAGE: Final = "^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$"
_SAMPLE_MOMENT: Final = "2018-09-18T09:12:00+03:00"


class RawReport(msgspec.Struct, frozen=True, kw_only=True):
    """Required are `source`, `published_at`, and a `title` or `text` that says something.

    Null is as good as missing, and so is an empty text, except for the dates. A report has at most 256 KiB. Not told
    by this schema, and rejected all the same: a date that is not in the calendar, before 1900-01-01 or more than 5
    minutes after the record's ingest time; an `updated_at` more than 7 days before the newest of its language; a
    `version` written 1.0; nesting deeper than 64 levels; bytes that are not UTF-8 or not JSON.
    """

    source: Annotated[
        str, told("Outlet or feed.", "reuters-world", minLength=1, maxLength=MAX_NAME_CHARS, **{"not": _NO_CONTROL})
    ]
    published_at: Annotated[
        str,
        told(
            "When the source published it: RFC 3339 with seconds and offset.",
            _SAMPLE_MOMENT,
            pattern=_MOMENT,
            **{"not": _NO_CONTROL},
        ),
    ]
    title: Annotated[str | None, told("Title; control characters become blanks.", "Israel strikes Syria")] = None
    text: Annotated[str | None, told("Body; control characters become blanks.", "Israel struck Syria on Monday.")] = (
        None
    )
    id: Annotated[
        str | None,
        told(
            "Unique within `source`, the same in every version. Without it `url` counts, else a hash of the content: "
            "such a report cannot be corrected.",
            "tag:a.example,2018:1",
            maxLength=MAX_URL_CHARS,
            **{"not": _NO_CONTROL},
        ),
    ] = None
    url: Annotated[
        str | None,
        told("Where the source shows it.", "https://a.example/1", maxLength=MAX_URL_CHARS, **{"not": _NO_CONTROL}),
    ] = None
    language: Annotated[
        str | None,
        told(
            "BCP 47. Its primary subtag in lower case is the record's key; without one, the key is `und`.",
            "en",
            "pt-BR",
            pattern=_LANGUAGE,
            **{"not": _NO_CONTROL},
        ),
    ] = None
    version: Annotated[
        int | None,
        told("Default 0; the larger is the newer.", 0, minimum=0, maximum=MAX_VERSION),
    ] = None
    updated_at: Annotated[
        str | None,
        told(
            "When the source made this version; default and minimum: `published_at`.",
            pattern=_MOMENT,
            **{"not": _NO_CONTROL},
        ),
    ] = None
    status: Annotated[
        Literal["usable", "withdrawn", ""] | None,
        told("`withdrawn` takes the report back; default `usable`.", "usable"),
    ] = None


# Some visible character: neither white space (as Unicode has it) nor a control character.
_VISIBLE: Final = {
    "type": "string",
    "pattern": "[^\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]",
}
# What no struct can say of a raw report: one of the two must say something.
RAW_REPORT_RULES: Final = {
    "anyOf": [
        {"required": ["title"], "properties": {"title": _VISIBLE}},
        {"required": ["text"], "properties": {"text": _VISIBLE}},
    ]
}


class RejectedHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """The headers of a record on `reports.rejected`, as UTF-8 text; the value is the rejected record's original bytes.

    Those bytes may be anything, or null: they were rejected. `topic`, `partition` and `offset` say where they lie.
    """

    code: Annotated[
        str,
        told("Why it was rejected; more codes may come.", *REJECT_CODES, pattern="^[a-z0-9_]+$"),
    ]
    detail: Annotated[str, told("What was found.", "no 'source'", maxLength=MAX_DETAIL_CHARS)]
    field: Annotated[str, told("The field of the report, or empty.", "source", "")]
    stage: Annotated[
        Literal["deduplicate", "classify", "aggregate"], told("The stage that rejected it.", "deduplicate")
    ]
    topic: Annotated[str, told("Full name of the record's topic.", "tensionwire.reports.raw.v1", minLength=1)]
    partition: Annotated[str, told("Its partition.", "3", pattern="^[0-9]+$")]
    offset: Annotated[str, told("Its offset.", "1842", pattern="^[0-9]+$")]
    ingested_at_ms: Annotated[
        str,
        told(
            "Its timestamp, which is ingest time.", "1537251120000", unit="ms since 1970-01-01 UTC", pattern="^[0-9]+$"
        ),
    ]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Reserved: nothing is written to this topic yet, and this draft may change in any way until something is."""

    actor: ActorId
    as_of: Annotated[Moment, told("Moment of the row that caused the alert.")]
