"""The day of an event, from the words of its sentence and the day of the report."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final, NamedTuple

__all__ = ["BACKGROUND_YEARS", "TimeExpression", "time_expressions"]

# Events dated further back than this many years are background, not news.
BACKGROUND_YEARS: Final = 5
_DAYS: Final = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS: Final = "january february march april may june july august september october november december".split()
_UNITS: Final = "one two three four five six seven eight nine ten eleven twelve".split()
_TENS: Final = "ten twenty thirty forty fifty sixty seventy eighty ninety hundred".split()
_NUMBERS: Final = (
    {word: value for value, word in enumerate(_UNITS, start=1)}
    | {word: 10 * value for value, word in enumerate(_TENS, start=1)}
    | {"a": 1, "an": 1, "several": 3, "few": 3}
)
_MONTH: Final = (
    "(?P<month>" + "|".join(name.capitalize() for name in _MONTHS) + r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.)"
)
_DAYS_PER_MONTH: Final = 30
_DAYS_PER_YEAR: Final = 365
_EXPRESSION: Final = re.compile(
    rf"\b(?:(?P<weekday>{'|'.join(d.capitalize() for d in _DAYS)})\b"
    r"|(?P<relative>(?i:today|yesterday|overnight|last week|last month|last year|this week|this month|this year))\b"
    rf"|(?P<count>\d+|(?i:{'|'.join(_NUMBERS)})) "
    r"(?P<unit>day|week|month|year|decade|centur)(?:s|y|ies)? (?P<from>ago|earlier|after|since)\b"
    rf"|(?:(?P<day1>\d{{1,2}}) )?{_MONTH}(?: (?P<day2>\d{{1,2}})\b(?!\d))?(?:,? (?P<year>\d{{4}}))?"
    r"|\b[Ii]n (?P<bare>(?:1[5-9]|20)\d\d)\b"
    r"|(?P<lone>\b(?:1[5-9])\d\d(?:s|-\d\d(?:\d\d)?)?)\b)"
)


class TimeExpression(NamedTuple):
    """Words [start, end) that date an event to `day`; None if they name a time too far back to be news."""

    start: int
    end: int
    day: date | None


def time_expressions(text: str, start: int, end: int, published_on: date) -> list[TimeExpression]:
    """Return the time expressions of `text[start:end]`, read from the day of publication.

    >>> time_expressions("met on Monday", 0, 13, date(2018, 9, 18))[0].day
    datetime.date(2018, 9, 17)
    """
    found = []
    for match in _EXPRESSION.finditer(text, start, end):
        day = _day(match, published_on)
        if day is not None and day > published_on:
            continue
        if day is None or day < _years_before(published_on, BACKGROUND_YEARS):
            day = None
        found.append(TimeExpression(match.start(), match.end(), day))
    return found


def _day(match: re.Match[str], published_on: date) -> date | None:
    if match["weekday"]:
        back = (published_on.weekday() - _DAYS.index(match["weekday"].lower())) % 7
        return published_on - timedelta(days=back)
    if match["relative"]:
        return _relative(match["relative"].lower(), published_on)
    if match["unit"]:
        count = int(match["count"]) if match["count"].isdigit() else _NUMBERS[match["count"].lower()]
        day = _before(published_on, count, match["unit"])
        recent = day is not None and day >= _years_before(published_on, BACKGROUND_YEARS)
        # "Two years after the war" dates the war, not the event; "eighty years after" is background all the same.
        return published_on if recent and match["from"] in ("after", "since") else day
    if match["month"]:
        return _calendar(match, published_on)
    if match["bare"]:
        return _in_year(int(match["bare"]), published_on)
    return None


def _relative(word: str, published_on: date) -> date:
    if word == "yesterday":
        return published_on - timedelta(days=1)
    if word == "last week":
        return published_on - timedelta(days=7)
    if word == "last month":
        return _before(published_on, 1, "month") or published_on
    if word == "last year":
        return _before(published_on, 1, "year") or published_on
    return published_on


def _before(day: date, count: int, unit: str) -> date | None:
    if unit == "day":
        return day - timedelta(days=min(count, 10_000))
    if unit == "week":
        return day - timedelta(days=7 * min(count, 1_000))
    if unit == "month":
        index = day.year * 12 + day.month - 1 - min(count, 1_000)
        year, month = divmod(index, 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    if unit == "year" and count <= 100:  # noqa: PLR2004
        return _years_before(day, count)
    return None


def _years_before(day: date, years: int) -> date:
    year = day.year - years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def _calendar(match: re.Match[str], published_on: date) -> date | None:
    month = next(n for n, name in enumerate(_MONTHS, start=1) if name.startswith(match["month"].lower().rstrip(".")))
    day = int(match["day2"] or match["day1"] or 1)
    year = int(match["year"]) if match["year"] else published_on.year
    if not 1 <= day <= 31 or year < 1:  # noqa: PLR2004
        return published_on
    if not match["year"] and (month, day) > (published_on.month, published_on.day):
        year -= 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def _in_year(year: int, published_on: date) -> date | None:
    if year == published_on.year:
        return published_on
    return date(year, 1, 1) if year < published_on.year else published_on
