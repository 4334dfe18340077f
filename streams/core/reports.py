"""Reading raw reports: bytes in, a `Report` or a `ReportRejectedError` with code, field and detail out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import msgspec

from streams.core.errors import ReportRejectedError
from streams.core.identity import MAX_VERSION, content_hash, report_id, revision
from streams.core.models import Report

__all__ = [
    "FUTURE_TOLERANCE",
    "MAX_REPORT_BYTES",
    "UNDETERMINED",
    "admit_fields",
    "admit_report",
    "full_text",
    "language_of",
    "read_object",
]

# Size limit of a raw report as sent, in bytes (DESIGN: contracts).
MAX_REPORT_BYTES: Final = 256 * 1024
# Nesting a report may have before it is refused; the contract itself needs 1.
MAX_DEPTH: Final = 64
# How far ahead of its record's ingest time a source's clock may run.
FUTURE_TOLERANCE: Final = timedelta(minutes=5)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
# ISO 639-2 code for "undetermined": the language of a record that names none.
UNDETERMINED: Final = "und"
# Characters of `source` and `id`; longer values are mistakes, and both are repeated in every event.
MAX_NAME_CHARS: Final = 512
MAX_URL_CHARS: Final = 4096

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
_ANY_CONTROL: Final = re.compile("[\x00-\x1f\x7f\x80-\x9f]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")
_TEXT_FIELDS: Final = ("source", "id", "title", "text", "url", "language", "status", "published_at", "updated_at")


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises: ReportRejectedError `too_large`, `invalid_utf8`, `too_deep`, `invalid_json` or `not_an_object`.
    """
    if len(raw) > MAX_REPORT_BYTES:
        raise ReportRejectedError("too_large", f"{len(raw)} bytes; the limit is {MAX_REPORT_BYTES}")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise ReportRejectedError("invalid_utf8", f"byte {error.start} is not UTF-8 ({error.reason})") from None
    if _depth(raw) > MAX_DEPTH:
        raise ReportRejectedError("too_deep", f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReportRejectedError("invalid_json", str(error)) from None
    if not isinstance(value, dict):
        raise ReportRejectedError("not_an_object", f"got a JSON {_json_type(value)}")
    return value


def admit_report(raw: bytes, *, ingested_at: datetime, default_source: str | None = None) -> Report:
    """Return the report in `raw`, defaults filled in: the whole contract but routing and lateness.

    `ingested_at`: when the record entered, against which "in the future" is judged. `default_source`: for files.
    Raises: ReportRejectedError with the code, the field and what was found there.
    """
    return admit_fields(read_object(raw), ingested_at=ingested_at, default_source=default_source)


def full_text(title: str, text: str) -> str:
    """Return the text that all spans of a report refer to.

    >>> full_text("Title", "Body.")
    'Title\\n\\nBody.'
    """
    return f"{title}\n\n{text}" if title and text else title or text


def language_of(value: str | None) -> str:
    """Return the primary subtag in lower case, the routing key of a raw report.

    >>> language_of("pt-BR"), language_of(None)
    ('pt', 'und')
    """
    return value.partition("-")[0].lower() if value else UNDETERMINED


def admit_fields(fields: dict[str, Any], *, ingested_at: datetime, default_source: str | None = None) -> Report:
    """Return the report that the JSON object `fields` describes; `admit_report` behind the parser."""
    for name in _TEXT_FIELDS:
        _check_text(fields, name)
    source = fields.get("source") or default_source
    if not source:
        raise ReportRejectedError("missing_field", "no 'source'", "source")
    title = _clean(fields.get("title") or "").strip()
    text = _clean(fields.get("text") or "").strip()
    if not title and not text:
        raise ReportRejectedError("missing_field", "neither 'title' nor 'text' says anything", "text")
    url = fields.get("url") or None
    identity = _name(fields.get("id") or url or f"content:{_content_id(title, text)}", "id")
    language = _language(fields.get("language"))
    published_at = _moment(fields, "published_at", ingested_at)
    # A source that stamps an update before its publication has one wrong clock; the later one orders versions.
    updated_at = max(_moment(fields, "updated_at", ingested_at, default=published_at), published_at)
    version = _version(fields.get("version"))
    status = fields.get("status") or "usable"
    if status not in ("usable", "withdrawn"):
        raise ReportRejectedError("invalid_value", "'status' is neither 'usable' nor 'withdrawn'", "status")
    content = content_hash(title, text, language, url, published_at)
    return Report(
        report_id=report_id(_name(source, "source"), identity),
        rev=revision(version, updated_at, withdrawn=status == "withdrawn", content=content),
        source=source,
        id=identity,
        published_at=published_at,
        updated_at=updated_at,
        title=title,
        text=text,
        language=language,
        url=url,
        version=version,
        status="withdrawn" if status == "withdrawn" else "usable",
    )


def _check_text(fields: dict[str, Any], name: str) -> None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise ReportRejectedError("invalid_type", f"'{name}' is a JSON {_json_type(value)}, not a string", name)
    if name == "url" and value and len(value) > MAX_URL_CHARS:
        raise ReportRejectedError("invalid_value", f"'url' is longer than {MAX_URL_CHARS} characters", name)
    if value and name not in ("title", "text") and _ANY_CONTROL.search(value):
        raise ReportRejectedError("invalid_value", f"'{name}' contains a control character", name)


def _name(value: str, field: str) -> str:
    # An id derived from a long url is still a name: the limit of `url` holds for it.
    limit = MAX_URL_CHARS if field == "id" else MAX_NAME_CHARS
    if len(value) > limit:
        raise ReportRejectedError("invalid_value", f"'{field}' is longer than {limit} characters", field)
    return value


def _clean(value: str) -> str:
    # Same length out as in, so that spans keep their meaning.
    return _CONTROL.sub(" ", value)


def _content_id(title: str, text: str) -> str:
    return blake2b(f"{title}\x1f{text}".encode(), digest_size=16).hexdigest()


def _language(value: str | None) -> str:
    if value and not _LANGUAGE.match(value):
        raise ReportRejectedError("invalid_value", "'language' is not a BCP 47 tag such as 'en' or 'pt-BR'", "language")
    return language_of(value)


def _version(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ReportRejectedError("invalid_type", f"'version' is a JSON {_json_type(value)}, not an integer", "version")
    if not 0 <= value <= MAX_VERSION:
        raise ReportRejectedError("invalid_value", f"'version' is outside 0..{MAX_VERSION}", "version")
    return value


def _moment(fields: dict[str, Any], name: str, ingested_at: datetime, *, default: datetime | None = None) -> datetime:
    value = fields.get(name)
    if value is None:
        if default is None:
            raise ReportRejectedError("missing_field", f"no '{name}'", name)
        return default
    try:
        moment: datetime = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        raise ReportRejectedError("invalid_date", f"'{name}' is not RFC 3339: {value[:40]!r}", name) from None
    if moment.tzinfo is None:
        raise ReportRejectedError("invalid_date", f"'{name}' has no zone: {value[:40]!r}", name)
    return _in_range(moment, name, ingested_at)


def _in_range(moment: datetime, name: str, ingested_at: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ReportRejectedError("date_out_of_range", f"'{name}' is outside the calendar", name) from None
    if moment < EARLIEST:
        raise ReportRejectedError("date_out_of_range", f"'{name}' is {moment.isoformat()}, before 1900", name)
    if moment > ingested_at + FUTURE_TOLERANCE:
        detail = f"'{name}' is {moment.isoformat()}, ingested at {ingested_at.isoformat(timespec='seconds')}"
        raise ReportRejectedError("in_the_future", detail, name)
    return moment


_QUOTE, _BACKSLASH, _OPENING, _CLOSING = b'"'[0], b"\\"[0], b"[{", b"]}"


def _depth(raw: bytes) -> int:
    # Brackets inside strings count too: cheap, and the limit is far above what a report needs.
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 1
    depth = deepest = 0
    in_string = escaped = False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == _BACKSLASH:
                escaped = True
            elif byte == _QUOTE:
                in_string = False
        elif byte == _QUOTE:
            in_string = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


def _json_type(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
