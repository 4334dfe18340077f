"""What the contract tests share: validators of every topic, and values that fit a struct."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec.inspect as shape
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from streams.contract.folder import REPOSITORY_SCHEMAS, releases
from streams.contract.schema import schema_of
from streams.contract.topics import CONTRACTS

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema.protocols import Validator

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
STABLE = {name: contract for name, contract in CONTRACTS.items() if not contract.reserved}


def is_moment(value: object) -> bool:
    """Return whether `value` is RFC 3339 with an offset, in the calendar; what is no text is no matter of format."""
    return not isinstance(value, str) or (
        _RFC3339.fullmatch(value) is not None and datetime.fromisoformat(value).tzinfo is not None
    )


FORMATS = FormatChecker(["date"])
FORMATS.checks("date-time", raises=ValueError)(is_moment)


def validator_of(schema: dict[str, Any]) -> Validator:
    """Return a validator that checks formats too."""
    return Draft202012Validator(schema, format_checker=FORMATS)


VALIDATORS = {name: validator_of(schema_of(contract)) for name, contract in CONTRACTS.items()}


def golden_folders() -> list[Path]:
    """Return the folder of today's golden messages, then those of every release."""
    kept = [REPOSITORY_SCHEMAS / "released" / version for version in releases(REPOSITORY_SCHEMAS)]
    return [folder / "golden" for folder in (REPOSITORY_SCHEMAS, *kept)]


def read_index(folder: Path) -> list[dict[str, Any]]:
    index: list[dict[str, Any]] = json.loads((folder / "records.json").read_bytes())
    return index


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants naive bounds


def values_of(kind: shape.Type, told: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    """Return a strategy of values for a field of type `kind` within what its readers are told."""
    told = told or {}
    match kind:
        case shape.Metadata():
            return values_of(kind.type, {**told, **(kind.extra_json_schema or {})})
        case shape.StructType():
            return st.builds(kind.cls, **{field.name: values_of(field.type) for field in kind.fields})
        case shape.UnionType():
            return st.one_of([values_of(part, told) for part in kind.types])
        case shape.TupleType():
            return st.tuples(*(values_of(part) for part in kind.item_types))
        case shape.VarTupleType():
            size = {"min_size": told.get("minItems", 0), "max_size": told.get("maxItems", 3)}
            return st.lists(values_of(kind.item_type), **size).map(tuple)
        case shape.LiteralType():
            return st.sampled_from(kind.values)
    return _plain(kind, told)


def _plain(kind: shape.Type, told: dict[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case shape.NoneType():
            return st.none()
        case shape.BoolType():
            return st.booleans()
        case shape.IntType():
            return st.integers(told.get("minimum"), told.get("maximum"))
        case shape.FloatType():
            return st.floats(told.get("minimum"), told.get("maximum"), allow_nan=False, allow_infinity=False)
        case shape.DateTimeType():
            return MOMENTS
        case shape.DateType():
            return MOMENTS.map(datetime.date)
    return _texts(told)


def _texts(told: dict[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in told:
        return st.sampled_from([value for value in told["enum"] if isinstance(value, str)])
    if "pattern" in told:
        return st.from_regex(told["pattern"], alphabet=st.characters(max_codepoint=126)).map(str.strip)
    return st.text(min_size=told.get("minLength", 0), max_size=20)
