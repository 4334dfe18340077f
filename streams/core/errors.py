"""Errors with a stable code, a place and a remedy.

TensionwireError
├── ReportRejectedError    a raw report that cannot be accepted (`code` from `REJECT_CODES`)
├── CodebookError          a data file of the coder that cannot be read
└── ConfigurationError     settings, topics or arguments that cannot work
"""

from __future__ import annotations

from typing import Final

__all__ = ["REJECT_CODES", "CodebookError", "ConfigurationError", "ReportRejectedError", "TensionwireError"]

# Every code a raw report can be rejected with, and what its sender can do about it.
REJECT_CODES: Final[dict[str, str]] = {
    "too_large": "send at most 256 KiB a report; cut the text or send a link",
    "invalid_utf8": "encode the report as UTF-8",
    "invalid_json": "send one JSON object (RFC 8259: no NaN, no raw control characters, no lone surrogates)",
    "too_deep": "send a flat object; nesting deeper than 64 levels is refused",
    "not_an_object": "send one JSON object per report",
    "missing_field": "add the field; 'source', 'published_at' and one of 'title' or 'text' are required",
    "invalid_type": "send the field with the JSON type of the contract",
    "invalid_value": "send a value inside the limits of the contract",
    "invalid_date": "send RFC 3339 with seconds and an offset, such as 2018-09-18T09:12:00+03:00",
    "date_out_of_range": "send a date from 1900-01-01 on",
    "in_the_future": "send a date at most 5 minutes after the record's ingest time; check the sender's clock and zone",
    "too_late": "send within allowed_lateness of the newest report of that language, or replay into new tables",
    "misrouted": "key the record by the report's language (primary subtag, lower case) with the murmur2 partitioner",
    "internal_error": "report this as a bug with the bytes of the record",
}


class TensionwireError(Exception):
    """The root of all errors raised on purpose."""

    code = "error"


class ReportRejectedError(TensionwireError):
    """A raw report was refused; `code` is a key of `REJECT_CODES`, `field` the place inside the report."""

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field

    @property
    def remedy(self) -> str:
        """What the sender can do."""
        return REJECT_CODES[self.code]


class CodebookError(TensionwireError):
    """A data file of the coder is malformed; the message names file, entry and remedy."""

    code = "codebook_invalid"


class ConfigurationError(TensionwireError):
    """A setting, argument or topic cannot work; the message names it and the remedy."""

    code = "configuration_invalid"
