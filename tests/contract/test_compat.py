"""What a change of a schema breaks: one case for each rule, and today's schemas against every release."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from streams.contract.compat import compare, compare_topics
from streams.contract.folder import (
    REPOSITORY_SCHEMAS,
    current_schemas,
    drift,
    find_breaks,
    release,
    releases,
    write,
)
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

# A schema with everything that ours have; each case changes one place of it.
BASE: dict[str, Any] = {
    "$id": "urn:example:v1",
    "title": "Example",
    "description": "An example.",
    "x-status": "stable",
    "x-kafka": {
        "key": {"description": "Key.", "schema": {"type": "string", "pattern": "^[a-z]+$"}},
        "partitioner": "murmur2",
        "retention.ms": 1000,
        "tombstones": False,
    },
    "type": "object",
    "properties": {
        "kind": {"type": "string", "const": "example"},
        "name": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a", "description": "Name."},
        "score": {"type": "number", "minimum": -10, "maximum": 10, "x-unit": "points"},
        "count": {"type": "integer", "minimum": 0},
        "day": {"type": "string", "format": "date"},
        "note": {"type": ["string", "null"], "default": None},
        "state": {"type": "string", "enum": ["on", "off"]},
        "span": {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "integer"}],
            "items": False,
            "minItems": 2,
            "maxItems": 2,
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "a/b": {"type": "boolean"},
        "part": {"description": "Part.", "$ref": "#/$defs/Part"},
        "maybe": {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}]},
    },
    "required": ["kind", "name", "score"],
    "additionalProperties": True,
    "oneOf": [{"$ref": "#/$defs/One"}, {"$ref": "#/$defs/Two"}],
    "$defs": {
        "Part": {
            "type": "object",
            "title": "Part",
            "properties": {"id": {"type": "string"}, "inner": {"$ref": "#/$defs/Part"}},
            "required": ["id"],
        },
        "One": {"type": "object", "properties": {"kind": {"const": "one"}, "x": {"type": "integer"}}},
        "Two": {"type": "object", "properties": {"kind": {"const": "two"}}},
    },
}
GONE = object()


def changed(pointer: str, value: Any) -> dict[str, Any]:
    """Return BASE with `value` at `pointer`; GONE removes what is there, a `+` adds to a list."""
    schema = copy.deepcopy(BASE)
    *path, last = [part.replace("~1", "/") for part in pointer.split("/")[1:]]
    target: Any = schema
    for part in path:
        target = target[int(part)] if isinstance(target, list) else target[part]
    if last == "+":
        target.append(value)
    elif value is GONE:
        del target[int(last) if isinstance(target, list) else last]
    else:
        target[int(last) if isinstance(target, list) else last] = value
    return schema


P = "/properties"
BREAKING: list[tuple[str, Any, str, str]] = [
    # where it is changed, what is put there, where that is reported, what is said
    (f"{P}/count", GONE, f"{P}/count", "property 'count' removed or renamed"),
    (f"{P}/a~1b", GONE, f"{P}/a~1b", "property 'a/b' removed or renamed"),
    (f"{P}/count/type", "number", f"{P}/count", "type changed from integer to number"),
    (f"{P}/score/type", "integer", f"{P}/score", "type changed from number to integer"),
    (f"{P}/name/type", ["string", "null"], f"{P}/name", "type changed from string to string or null"),
    (f"{P}/note/type", "string", f"{P}/note", "type changed from string or null to string"),
    (f"{P}/tags/items/type", "integer", f"{P}/tags/items", "type changed from string to integer"),
    (f"{P}/tags/items", GONE, f"{P}/tags/items", "changed from"),
    (f"{P}/span/prefixItems/1/type", "string", f"{P}/span/prefixItems/1", "type changed from integer to string"),
    (f"{P}/span/prefixItems/+", {"type": "integer"}, f"{P}/span/prefixItems", "length changed from 2 to 3"),
    (f"{P}/span/items", True, f"{P}/span/items", "changed from False to True"),
    ("/$defs/Part/properties/id/type", "integer", "/$defs/Part/properties/id", "type changed"),
    ("/$defs/Part/properties/id", GONE, "/$defs/Part/properties/id", "property 'id' removed or renamed"),
    ("/$defs/Part/required/+", "inner", "/$defs/Part/required", "property 'inner' became required"),
    (f"{P}/maybe/anyOf/1", GONE, f"{P}/maybe/anyOf/1", "alternative null removed"),
    (f"{P}/maybe/anyOf/+", {"type": "string"}, f"{P}/maybe/anyOf", "alternative string added"),
    (f"{P}/part", {"type": "string"}, f"{P}/part", "type changed from object to string"),
    ("/required/+", "count", "/required", "property 'count' became required"),
    ("/required/2", GONE, "/required", "property 'score' became optional"),
    (f"{P}/state/enum/+", "broken", f"{P}/state/enum", "value broken added"),
    (f"{P}/state/enum/1", GONE, f"{P}/state/enum", "value off removed"),
    (f"{P}/state/enum", GONE, f"{P}/state/enum", "a closed list of values came or went"),
    (f"{P}/day/enum", ["2018-09-18"], f"{P}/day/enum", "a closed list of values came or went"),
    (f"{P}/score/minimum", -5, f"{P}/score/minimum", "minimum narrowed from -10 to -5"),
    (f"{P}/score/minimum", -20, f"{P}/score/minimum", "minimum widened from -10 to -20"),
    (f"{P}/score/maximum", 5, f"{P}/score/maximum", "maximum narrowed from 10 to 5"),
    (f"{P}/score/maximum", 20, f"{P}/score/maximum", "maximum widened from 10 to 20"),
    (f"{P}/score/maximum", GONE, f"{P}/score/maximum", "maximum widened from 10 to nothing"),
    (f"{P}/count/maximum", 9, f"{P}/count/maximum", "maximum narrowed from nothing to 9"),
    (f"{P}/name/minLength", 2, f"{P}/name/minLength", "minLength narrowed from 1 to 2"),
    (f"{P}/name/maxLength", 99, f"{P}/name/maxLength", "maxLength widened from 9 to 99"),
    (f"{P}/tags/maxItems", 3, f"{P}/tags/maxItems", "maxItems narrowed from nothing to 3"),
    (f"{P}/name/pattern", "^b", f"{P}/name/pattern", "pattern changed from ^a to ^b"),
    (f"{P}/day/format", "date-time", f"{P}/day/format", "format changed from date to date-time"),
    (f"{P}/kind/const", "other", f"{P}/kind/const", "const changed from example to other"),
    (f"{P}/note/default", "", f"{P}/note/default", "default changed from None to "),
    (f"{P}/score/x-unit", "percent", f"{P}/score/x-unit", "x-unit changed from points to percent"),
    (f"{P}/name/not", {"pattern": "z"}, f"{P}/name/not", "not changed from nothing to"),
    ("/additionalProperties", False, "/additionalProperties", "unknown fields are treated differently"),
    ("/$defs/Part/additionalProperties", False, "/$defs/Part/additionalProperties", "unknown fields"),
    ("/$defs/Two/properties/kind/const", "three", "/oneOf/1", "alternative kind=two removed"),
    ("/oneOf/+", {"properties": {"kind": {"const": "four"}}}, "/oneOf", "alternative kind=four added"),
    ("/oneOf/0", GONE, "/oneOf/0", "alternative kind=one removed"),
    ("/$defs/One/properties/x/type", "string", "/$defs/One/properties/x", "type changed"),
    ("/x-kafka/key/schema/pattern", "^[A-Z]+$", "/x-kafka/key/schema/pattern", "pattern changed"),
    ("/x-kafka/partitioner", "random", "/x-kafka/partitioner", "changed from murmur2 to random"),
    ("/x-kafka/tombstones", True, "/x-kafka/tombstones", "changed from False to True"),
    ("/x-status", "reserved", "/x-status", "a stable topic became reserved"),
]


@pytest.mark.parametrize(("where", "value", "reported", "what"), BREAKING)
def test_change_breaks(where: str, value: Any, reported: str, what: str) -> None:
    found = compare(BASE, changed(where, value))
    assert found
    assert any(breaking.pointer == reported and breaking.what.startswith(what) for breaking in found), found
    assert all(breaking.remedy for breaking in found)


ALLOWED: list[tuple[str, Any]] = [
    (f"{P}/newcomer", {"type": "string"}),
    ("/$defs/Part/properties/newcomer", {"type": ["string", "null"], "default": None}),
    ("/$defs/One/properties/newcomer", {"type": "integer"}),
    ("/$defs/Unused", {"type": "string"}),
    (f"{P}/name/description", "Another wording."),
    (f"{P}/name/examples", ["abc"]),
    ("/title", "Another title"),
    ("/$defs/Part/title", "Another title"),
    ("/x-kafka/retention.ms", 2000),
    ("/x-kafka/key/description", "Another wording."),
    ("/required", ["score", "name", "kind"]),
    (f"{P}/state/enum", ["off", "on"]),
    (f"{P}/note/type", ["null", "string"]),
    (f"{P}/score/minimum", -10.0),
    ("/additionalProperties", GONE),
    (f"{P}/maybe/anyOf", [{"type": "null"}, {"$ref": "#/$defs/Part"}]),
    (f"{P}/part", copy.deepcopy(BASE["$defs"]["Part"])),
]


@pytest.mark.parametrize(("where", "value"), ALLOWED)
def test_change_is_allowed(where: str, value: Any) -> None:
    assert compare(BASE, changed(where, value)) == []


def test_definition_under_another_name_is_the_same_contract() -> None:
    renamed = changed("/$defs/Piece", BASE["$defs"]["Part"])
    renamed["properties"]["part"]["$ref"] = "#/$defs/Piece"
    renamed["properties"]["maybe"]["anyOf"][0]["$ref"] = "#/$defs/Piece"
    assert compare(BASE, renamed) == []


def test_new_required_property_comes_with_its_remedy() -> None:
    new = changed(f"{P}/newcomer", {"type": "string"})
    new["required"] = [*new["required"], "newcomer"]
    (breaking,) = compare(BASE, new)
    assert breaking.pointer == "/required"
    assert "new property 'newcomer' is required" in breaking.what
    assert "default" in breaking.remedy


@pytest.mark.parametrize(("where", "value", "reported", "what"), BREAKING)
def test_undoing_what_breaks_breaks_too(where: str, value: Any, reported: str, what: str) -> None:
    del reported, what
    old, new = changed(where, value), BASE
    if where in (f"{P}/count", f"{P}/a~1b", "/$defs/Part/properties/id", "/x-status"):
        # Adding an optional field and putting a reserved topic to use are what is allowed.
        assert compare(old, new) == [] or "required" in compare(old, new)[0].what
    else:
        assert compare(old, new)


def test_removed_topic_breaks_and_new_and_reserved_ones_are_free() -> None:
    ((name, breaking),) = compare_topics({"a.v1": BASE, "b.v1": BASE}, {"b.v1": BASE, "c.v1": BASE})
    assert (name, breaking.what) == ("a.v1", "topic removed")
    assert compare_topics({"a.v1": {**BASE, "x-status": "reserved"}}, {}) == []


@pytest.mark.parametrize("version", releases(REPOSITORY_SCHEMAS))
def test_models_break_nothing_that_was_released(version: str) -> None:
    assert find_breaks(REPOSITORY_SCHEMAS, version) == []


def test_something_has_been_released() -> None:
    assert releases(REPOSITORY_SCHEMAS)


def test_release_keeps_schemas_and_golden_messages_and_never_changes_one(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "golden" / "events.coded.v1").mkdir(parents=True)
    (tmp_path / "golden" / "events.coded.v1" / "one.json").write_bytes(b"{}")
    for version in ("0.9.0", "0.10.0"):
        release(tmp_path, version)
    assert releases(tmp_path) == ["0.9.0", "0.10.0"]
    assert drift(tmp_path / "released" / "0.9.0") == []
    assert (tmp_path / "released" / "0.9.0" / "golden" / "events.coded.v1" / "one.json").read_bytes() == b"{}"
    with pytest.raises(ConfigurationError, match="never changes"):
        release(tmp_path, "0.9.0")
    with pytest.raises(ConfigurationError, match="not a version"):
        release(tmp_path, "../0.9.0")


def test_release_that_breaks_an_older_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "golden").mkdir()
    kept = release(tmp_path, "0.9.0") / "events.coded.v1.json"
    kept.write_text(kept.read_text("utf-8").replace('"maximum": 10', '"maximum": 9'), "utf-8")
    with pytest.raises(ConfigurationError, match=r"events\.coded\.v1\.json#/properties/goldstein/maximum breaks"):
        release(tmp_path, "0.10.0")


def test_schemas_of_today_are_compatible_with_themselves() -> None:
    assert compare_topics(current_schemas(), current_schemas()) == []
