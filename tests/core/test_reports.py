"""Admitting raw reports: what is refused and why, what is filled in, and that nothing else can happen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from histories import encode, make_report
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.core.errors import REJECT_CODES, ReportRejectedError
from streams.core.identity import MAX_VERSION, report_id
from streams.core.reports import FUTURE_TOLERANCE, MAX_REPORT_BYTES, admit_report, full_text

if TYPE_CHECKING:
    from streams.core.models import Report

INGESTED_AT = datetime(2019, 1, 1, tzinfo=UTC)
# Judged where routing and time are known, or a fault of our own.
NOT_OF_THE_CONTENT = {"too_late", "misrouted", "internal_error"}
NAMES = (
    "source",
    "id",
    "published_at",
    "title",
    "text",
    "url",
    "language",
    "version",
    "updated_at",
    "status",
)
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"]


def admit(raw: bytes, default_source: str | None = None) -> Report:
    return admit_report(raw, ingested_at=INGESTED_AT, default_source=default_source)


def admitted(**changes: Any) -> Report:
    return admit(encode(make_report(**changes)))


def rejection(raw: bytes) -> ReportRejectedError:
    with pytest.raises(ReportRejectedError) as caught:
        admit(raw)
    return caught.value


def of_size(size: int) -> bytes:
    """Return a raw report of exactly `size` bytes."""
    empty = len(encode(make_report(text="")))
    return encode(make_report(text="x" * (size - empty)))


def nested(depth: int) -> bytes:
    """Return a raw report whose unknown field nests to `depth` levels, the report itself included."""
    return encode(make_report(extra=...))[:-1] + b', "extra": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


NOT_TEXTS: list[Any] = [5, True, [], {}]
NOT_VERSIONS: list[Any] = ["2", True, 1.0, [], {}]
REJECTED: list[tuple[str, str | None, bytes]] = [
    ("too_large", None, of_size(MAX_REPORT_BYTES + 1)),
    ("invalid_utf8", None, b'{"text": "\xff"}'),
    ("invalid_utf8", None, '{"text": "é"}'.encode("latin-1")),
    ("invalid_json", None, b""),
    ("invalid_json", None, b"{"),
    ("invalid_json", None, b'{"version": NaN}'),
    ("invalid_json", None, b'{"text": "raw \x01 control"}'),
    ("invalid_json", None, b'{"text": "\\ud800"}'),
    ("invalid_json", None, encode(make_report()) + encode(make_report())),
    ("invalid_json", None, b"\xef\xbb\xbf" + encode(make_report())),
    ("too_deep", None, nested(65)),
    ("too_deep", None, b"[" * 100_000),
    ("not_an_object", None, b"[]"),
    ("not_an_object", None, b"null"),
    ("not_an_object", None, b'"text"'),
    ("not_an_object", None, b"3"),
    ("missing_field", "source", encode(make_report(source=...))),
    ("missing_field", "source", encode(make_report(source=""))),
    ("missing_field", "published_at", encode(make_report(published_at=...))),
    ("missing_field", "published_at", encode(make_report(published_at=None))),
    ("missing_field", "text", encode(make_report(title=..., text=...))),
    ("missing_field", "text", encode(make_report(title=" ", text="\u00a0\x00"))),
    *(
        ("invalid_type", name, encode(make_report(**{name: value})))
        for name in NAMES
        if name != "version"
        for value in NOT_TEXTS
    ),
    *(("invalid_type", "version", encode(make_report(version=value))) for value in NOT_VERSIONS),
    ("invalid_value", "version", encode(make_report(version=-1))),
    ("invalid_value", "version", encode(make_report(version=MAX_VERSION + 1))),
    ("invalid_value", "version", encode(make_report(version=10**40))),
    ("invalid_value", "status", encode(make_report(status="gone"))),
    ("invalid_value", "language", encode(make_report(language="english please"))),
    ("invalid_value", "language", encode(make_report(language="e"))),
    ("invalid_value", "language", encode(make_report(language="en_GB"))),
    ("invalid_value", "source", encode(make_report(source="s" * 513))),
    ("invalid_value", "url", encode(make_report(url="u" * 4097))),
    ("invalid_value", "id", encode(make_report(id="i" * 4097))),
    *(
        ("invalid_value", name, encode(make_report(**{name: f"a{control}b"})))
        for name in NAMES
        if name not in ("title", "text", "version")
        for control in "\x00\n\x1f\x7f\x85"
    ),
    ("invalid_date", "published_at", encode(make_report(published_at=""))),
    ("invalid_date", "published_at", encode(make_report(published_at="yesterday"))),
    ("invalid_date", "published_at", encode(make_report(published_at="2018-09-18"))),
    ("invalid_date", "published_at", encode(make_report(published_at="2018-09-18T09:12:00"))),
    ("invalid_date", "published_at", encode(make_report(published_at="2018-02-30T09:12:00Z"))),
    ("invalid_date", "updated_at", encode(make_report(updated_at="2018-09-18T09:12:00"))),
    ("date_out_of_range", "published_at", encode(make_report(published_at="1899-12-31T23:59:59.999999Z"))),
    ("date_out_of_range", "published_at", encode(make_report(published_at="0001-01-01T00:00:00+23:59"))),
    ("date_out_of_range", "updated_at", encode(make_report(updated_at="9999-12-31T23:59:59-23:59"))),
    ("in_the_future", "published_at", encode(make_report(published_at="2019-01-01T00:05:00.000001Z"))),
    ("in_the_future", "updated_at", encode(make_report(updated_at="2019-01-01T00:05:00.000001Z"))),
]


@pytest.mark.parametrize(
    ("code", "field", "raw"), REJECTED, ids=[f"{n}-{code}-{field}" for n, (code, field, _) in enumerate(REJECTED)]
)
def test_report_is_rejected_with_its_code_and_field(code: str, field: str | None, raw: bytes) -> None:
    error = rejection(raw)
    assert (error.code, error.field) == (code, field)
    assert error.detail
    assert error.remedy == REJECT_CODES[code]


def test_every_code_that_content_can_cause_is_tried_above() -> None:
    assert {code for code, _, _ in REJECTED} == REJECT_CODES.keys() - NOT_OF_THE_CONTENT


def test_the_largest_values_of_the_contract_are_accepted() -> None:
    assert admit(of_size(MAX_REPORT_BYTES)).id == "r1"
    assert admit(nested(64)).id == "r1"
    assert admitted(version=MAX_VERSION).version == MAX_VERSION
    assert admitted(source="s" * 512).source == "s" * 512
    assert admitted(id=..., url="u" * 4096).id == "u" * 4096
    first, last = datetime(1900, 1, 1, tzinfo=UTC), INGESTED_AT + FUTURE_TOLERANCE
    assert admitted(published_at=first.isoformat()).published_at == first
    assert admitted(published_at=last.isoformat()).published_at == last


def test_brackets_inside_strings_are_no_nesting() -> None:
    assert admitted(text='[{"' * 200).text == '[{"' * 200


def test_future_is_judged_against_the_ingest_time_of_the_record() -> None:
    raw = encode(make_report(published_at="2030-01-01T00:00:00Z"))
    assert rejection(raw).code == "in_the_future"
    assert admit_report(raw, ingested_at=datetime(2030, 1, 1, tzinfo=UTC)).published_at.year == 2030


def test_minimal_report_gets_every_default() -> None:
    report = admit(b'{"source": "wire", "published_at": "2018-09-18T09:12:00+03:00", "text": "Calm."}')
    assert report.published_at == report.updated_at == datetime(2018, 9, 18, 6, 12, tzinfo=UTC)
    assert report.published_at.tzinfo is UTC
    assert (report.title, report.url, report.version, report.status) == ("", None, 0, "usable")
    assert report.language == "und"
    assert report.report_id == report_id("wire", report.id)


def test_null_is_as_good_as_missing() -> None:
    optional = ("id", "title", "url", "language", "version", "updated_at", "status")
    assert admitted(**dict.fromkeys(optional)) == admitted(**dict.fromkeys(optional, ...))


def test_missing_id_is_the_url_and_without_one_depends_on_the_content_alone() -> None:
    assert admitted(id=..., url="https://a.example/1").id == "https://a.example/1"
    same = [admitted(id=..., title="T", text="x", published_at=f"2018-09-1{day}T00:00:00Z") for day in (7, 8)]
    assert same[0].report_id == same[1].report_id
    assert same[0].rev != same[1].rev
    assert admitted(id=..., title="T", text="y").report_id != same[0].report_id
    assert admitted(id=..., title="Tx", text="").report_id != same[0].report_id
    assert admitted(id="given", url="https://a.example/1").id == "given"


def test_default_source_stands_in_only_where_none_is_given() -> None:
    assert admit(encode(make_report(source=...)), "file").source == "file"
    assert admit(encode(make_report(source="")), "file").source == "file"
    assert admit(encode(make_report(source="wire")), "file").source == "wire"


def test_update_before_publication_counts_as_made_at_publication() -> None:
    report = admitted(published_at="2018-09-18T09:00:00Z", updated_at="2018-09-18T08:00:00Z")
    assert report.updated_at == report.published_at
    later = admitted(published_at="2018-09-18T09:00:00Z", updated_at="2018-09-18T10:00:00+00:30")
    assert later.updated_at == datetime(2018, 9, 18, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "primary"),
    [("pt-BR", "pt"), ("EN", "en"), ("zh-Hant-TW", "zh"), ("kmr", "kmr"), ("", "und"), (None, "und")],
)
def test_language_is_the_primary_subtag_in_lower_case(tag: str | None, primary: str) -> None:
    assert admitted(language=tag).language == primary


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("name", ["title", "text"])
def test_control_characters_are_blanked_without_moving_what_follows(name: str, control: str) -> None:
    assert getattr(admitted(**{name: f"one{control}two\tthree\nfour"}), name) == "one two\tthree\nfour"


@given(st.text(max_size=80))
def test_text_keeps_its_length_between_its_first_and_last_visible_character(inner: str) -> None:
    report = admitted(text=f" «{inner}» ")
    assert len(report.text) == len(inner) + 2
    assert all(out in (" ", given_) for out, given_ in zip(report.text[1:-1], inner, strict=True))
    assert not set(report.text) & set(CONTROLS)


def test_withdrawal_is_the_newest_of_versions_of_equal_number_and_date() -> None:
    assert admitted(status="withdrawn").rev > admitted().rev
    assert admitted(status="withdrawn").status == "withdrawn"


@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from((None, 0, 3)))
def test_the_same_object_written_differently_is_the_same_report(
    order: Any,
    ascii_only: bool,  # noqa: FBT001 - Hypothesis passes by position
    indent: int | None,
) -> None:
    fields = make_report(title="Überblick", url="https://a.example/ü", version=2, status="usable")
    shuffled = dict(order.sample(list(fields.items()), len(fields)))
    assert admit(json.dumps(shuffled, ensure_ascii=ascii_only, indent=indent).encode()) == admit(encode(fields))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MOMENTS = (
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
    | st.datetimes().map(lambda moment: f"{moment.isoformat()}-23:59")
    | st.sampled_from(("0000-00-00T00:00:00Z", "2018-09-18T24:00:00Z", "2018-09-18T23:59:60Z", "2018-09-18t09:12:00z"))
)


def must_answer(raw: bytes) -> None:
    """Admit `raw` or fail with a documented code; anything else is raised."""
    try:
        report = admit(raw)
    except ReportRejectedError as error:
        assert error.code in REJECT_CODES.keys() - NOT_OF_THE_CONTENT  # noqa: PT017 - either outcome is fine
        assert error.field is None or error.field in NAMES  # noqa: PT017 - as above
    else:
        assert full_text(report.title, report.text)
        assert report.published_at <= report.updated_at <= INGESTED_AT + FUTURE_TOLERANCE


@given(st.binary(max_size=300))
def test_any_bytes_are_admitted_or_rejected(raw: bytes) -> None:
    must_answer(raw)


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES | MOMENTS, max_size=8))
def test_any_json_object_is_admitted_or_rejected(fields: dict[str, Any]) -> None:
    # ASCII only: lone surrogates become escapes, as a careless sender writes them; NaN is written as such.
    must_answer(json.dumps(fields).encode())


@given(st.dictionaries(st.sampled_from(NAMES), VALUES | MOMENTS, min_size=1, max_size=2))
def test_a_good_report_with_fields_spoilt_is_admitted_or_rejected(changes: dict[str, Any]) -> None:
    must_answer(json.dumps(make_report(**changes)).encode())


@given(st.binary(max_size=40), st.integers(0), st.integers(0, 40))
def test_a_good_report_with_bytes_spoilt_is_admitted_or_rejected(noise: bytes, place: int, length: int) -> None:
    raw = encode(make_report(title="Überblick"))
    place %= len(raw)
    must_answer(raw[:place] + noise + raw[place + length :])


PLAIN_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | PLAIN_TEXT


@given(st.dictionaries(PLAIN_TEXT, PLAIN | st.lists(PLAIN, max_size=3), max_size=4))
def test_unknown_fields_change_nothing(extra: dict[str, Any]) -> None:
    assume(not extra.keys() & set(NAMES))
    raw = json.dumps({**extra, **make_report()}, ensure_ascii=False)
    assert admit(raw.encode()) == admitted()


def test_moments_a_microsecond_apart_are_two_versions() -> None:
    moment = datetime(2018, 9, 18, tzinfo=UTC)
    later = admitted(published_at=moment.isoformat(), updated_at=(moment + timedelta(microseconds=1)).isoformat())
    assert later.rev > admitted(published_at=moment.isoformat()).rev
