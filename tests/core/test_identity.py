"""Identity: what makes two reports, two events or two versions the same, and which version is the newer one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.identity import MAX_VERSION, content_hash, event_id, report_id, revision

MORNING = datetime(2018, 9, 18, 6, tzinfo=UTC)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Names as an accepted report may have them: no control characters.
NAMES = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cc", "Cs")), max_size=20)


class Version(NamedTuple):
    """The parts of a rev in the order in which they count."""

    version: int
    updated_at: datetime
    withdrawn: bool
    content: str


def rev_of(parts: Version) -> str:
    return revision(parts.version, parts.updated_at, withdrawn=parts.withdrawn, content=parts.content)


# Small pools beside the whole range, so that versions often agree in some parts and differ in others.
VERSIONS = st.builds(
    Version,
    st.sampled_from((0, 1, 9, 10, MAX_VERSION)) | st.integers(0, MAX_VERSION),
    st.sampled_from((MORNING, MORNING + timedelta(microseconds=1), MORNING + timedelta(seconds=1)))
    | st.datetimes(datetime(1900, 1, 2), datetime(2100, 12, 31), timezones=ZONES),  # noqa: DTZ001 - `timezones` adds it
    st.booleans(),
    st.sampled_from(("00" * 8, "0f" * 8, "ff" * 8)),
)


@given(VERSIONS, VERSIONS)
def test_revs_compare_as_text_like_version_then_date_then_withdrawal_then_content(a: Version, b: Version) -> None:
    assert (rev_of(a) < rev_of(b)) == (a < b)
    assert (rev_of(a) == rev_of(b)) == (a == b)


def test_version_outweighs_date_date_outweighs_withdrawal_and_withdrawal_outweighs_content() -> None:
    later = MORNING + timedelta(days=1)
    ascending = [
        Version(2, later, withdrawn=False, content="ff"),
        Version(2, later, withdrawn=True, content="00"),
        Version(2, later, withdrawn=True, content="01"),
        Version(10, MORNING, withdrawn=False, content="00"),
        Version(10, later, withdrawn=False, content="00"),
    ]
    assert sorted(ascending, key=rev_of) == ascending


@pytest.mark.parametrize("year", [1, 999, 1900, 9999])
def test_rev_keeps_its_width_in_any_year(year: int) -> None:
    moment = MORNING.replace(year=year)
    assert len(rev_of(Version(0, moment, withdrawn=False, content="00"))) == len(
        rev_of(Version(0, MORNING, withdrawn=False, content="00"))
    )


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_reports_are_the_same_iff_source_and_id_are(a: tuple[str, str], b: tuple[str, str]) -> None:
    assert (report_id(*a) == report_id(*b)) == (a == b)


@pytest.mark.parametrize(("a", "b"), [(("ab", "c"), ("a", "bc")), (("a", ""), ("", "a")), (("a", "b"), ("b", "a"))])
def test_source_and_id_do_not_run_together(a: tuple[str, str], b: tuple[str, str]) -> None:
    assert report_id(*a) != report_id(*b)


def test_event_id_tells_every_part_of_the_event_apart() -> None:
    ids = {
        event_id("r1", "RUS", "UKR", "ASSAULT", date(2018, 9, 18), 0),
        event_id("r2", "RUS", "UKR", "ASSAULT", date(2018, 9, 18), 0),
        event_id("r1", "UKR", "RUS", "ASSAULT", date(2018, 9, 18), 0),
        event_id("r1", "RUS", "UKR", "ACCUSE", date(2018, 9, 18), 0),
        event_id("r1", "RUS", "UKR", "ASSAULT", date(2018, 9, 19), 0),
        event_id("r1", "RUS", "UKR", "ASSAULT", date(2018, 9, 18), 1),
    }
    assert len(ids) == 6
    assert all(len(id_) == 32 for id_ in ids)


def test_content_hash_does_not_depend_on_the_zone_a_date_is_written_in() -> None:
    moscow = MORNING.astimezone(timezone(timedelta(hours=3)))
    assert content_hash("t", "x", "en", None, MORNING) == content_hash("t", "x", "en", None, moscow)


def test_content_hash_tells_every_part_of_a_version_apart() -> None:
    hashes = {
        content_hash("t", "x", "en", None, MORNING),
        content_hash("u", "x", "en", None, MORNING),
        content_hash("t", "y", "en", None, MORNING),
        content_hash("tx", "", "en", None, MORNING),
        content_hash("t", "x", "fr", None, MORNING),
        content_hash("t", "x", "en", "https://a.example", MORNING),
        content_hash("t", "x", "en", None, MORNING + timedelta(microseconds=1)),
    }
    assert len(hashes) == 7
