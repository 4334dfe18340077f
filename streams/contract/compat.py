"""What a change of a schema breaks, in both directions: new readers of old records, old readers of new records.

The rule is FULL: whatever fits one schema fits the other. Readers ignore fields they do not know, so a new optional
field is allowed; everything else that a validator can notice is not, nor is a change of unit, default or key.
Transitive: the caller compares with every release, not with the newest alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Breaking", "compare", "compare_topics"]

Schema = dict[str, Any]

_NEW_TOPIC: Final = "undo it, or publish it as a new topic version (v2 beside v1)"
_DEFAULT: Final = "give it a default, so that it is optional, or publish a new topic version (v2 beside v1)"
_RENAME: Final = "keep it beside the new one, or publish a new topic version (v2 beside v1)"
_OPEN: Final = "leave objects open: readers ignore fields they do not know"

# Keywords that only inform. `$id` names the topic and its version: another one is another contract.
_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "$comment", "deprecated", "$schema", "$id"})
# Keywords with a rule of their own below.
_STRUCTURE: Final = frozenset(
    {"$ref", "$defs", "type", "properties", "required", "items", "prefixItems", "anyOf", "oneOf", "allOf"}
    | {"additionalProperties", "x-kafka", "x-status", "enum"}
)
# Keyword -> whether a larger value lets fewer values through.
_BOUNDS: Final = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "minProperties": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
    "maxProperties": False,
}
# What of `x-kafka` readers rely on beside the key; retention and clean-up are the operator's.
_KAFKA_PROMISES: Final = ("describes", "partitioner", "tombstones", "timestamp")
_MISSING: Final = "nothing"


class Breaking(NamedTuple):
    """A change that breaks: `pointer` is the place in the old schema (RFC 6901), or where it would be."""

    pointer: str
    what: str
    remedy: str


def compare_topics(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[tuple[str, Breaking]]:
    """Return (versioned topic name, change) for all that breaks between two sets of schemas; reserved ones are free."""
    found: list[tuple[str, Breaking]] = []
    for name, schema in sorted(old.items()):
        if schema.get("x-status") == "reserved":
            continue
        if name in new:
            found += [(name, breaking) for breaking in compare(schema, new[name])]
        else:
            found.append((name, Breaking("", "topic removed", "keep the topic: its records are still read")))
    return found


def compare(old: Schema, new: Schema) -> list[Breaking]:
    """Return what breaks if `new` takes the place of `old`; nothing if both directions hold.

    >>> old = {"type": "object", "properties": {"n": {"type": "integer"}}}
    >>> [breaking.what for breaking in compare(old, {**old, "properties": {"n": {"type": "number"}}})]
    ['type changed from integer to number']
    """
    comparison = _Comparison(old, new)
    comparison.node(old, new, "")
    comparison.promises()
    return comparison.found


class _Comparison:
    """One walk over two schemas side by side; references are followed, each pair of them once."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.found: list[Breaking] = []
        self._old = old
        self._new = new
        self._visited: set[tuple[str, str]] = set()

    def node(self, old: Any, new: Any, pointer: str) -> None:  # noqa: ANN401 - a schema may be true or false
        """Compare two schemas that hold at the same place."""
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                self._broken(pointer, f"changed from {_said(old)} to {_said(new)}")
            return
        if "$ref" in old or "$ref" in new:
            self._references(old, new, pointer)
            return
        if _types(old) != _types(new):
            self._broken(pointer, f"type changed from {_said(old.get('type'))} to {_said(new.get('type'))}")
            return
        self._properties(old, new, pointer)
        self._required(old, new, pointer)
        self._elements(old, new, pointer)
        for keyword in ("anyOf", "oneOf", "allOf"):
            self._alternatives(old.get(keyword, []), new.get(keyword, []), f"{pointer}/{keyword}")
        self._values(old, new, pointer)
        if old.get("additionalProperties", True) != new.get("additionalProperties", True):
            self._broken(f"{pointer}/additionalProperties", "unknown fields are treated differently", _OPEN)
        self._keywords(old, new, pointer)

    def promises(self) -> None:
        """Compare what the schemas say of the topic itself."""
        old, new = self._old.get("x-kafka", {}), self._new.get("x-kafka", {})
        if self._new.get("x-status") == "reserved":
            self._broken("/x-status", "a stable topic became reserved")
        self.node(old.get("key", {}).get("schema", {}), new.get("key", {}).get("schema", {}), "/x-kafka/key/schema")
        for name in _KAFKA_PROMISES:
            if old.get(name) != new.get(name):
                self._broken(f"/x-kafka/{name}", f"changed from {_said(old.get(name))} to {_said(new.get(name))}")

    def _broken(self, pointer: str, what: str, remedy: str = _NEW_TOPIC) -> None:
        self.found.append(Breaking(pointer, what, remedy))

    def _references(self, old: Schema, new: Schema, pointer: str) -> None:
        names = old.get("$ref", pointer), new.get("$ref", pointer)
        if names in self._visited:
            return
        self._visited.add(names)
        place = names[0].removeprefix("#") if "$ref" in old and "$ref" in new else pointer
        self.node(_resolve(self._old, old), _resolve(self._new, new), place)

    def _properties(self, old: Schema, new: Schema, pointer: str) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            place = f"{pointer}/properties/{_escape(name)}"
            if name in after:
                self.node(schema, after[name], place)
            else:
                self._broken(place, f"property {name!r} removed or renamed", _RENAME)

    def _required(self, old: Schema, new: Schema, pointer: str) -> None:
        before, after = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(after - before):
            is_new = name not in old.get("properties", {})
            what = f"new property {name!r} is required" if is_new else f"property {name!r} became required"
            self._broken(f"{pointer}/required", f"{what}: records that lie in the log may lack it", _DEFAULT)
        for name in sorted(before - after):
            if name in new.get("properties", {}):
                self._broken(f"{pointer}/required", f"property {name!r} became optional: old readers need it")

    def _elements(self, old: Schema, new: Schema, pointer: str) -> None:
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(after):
            self._broken(f"{pointer}/prefixItems", f"length changed from {len(before)} to {len(after)}")
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            self.node(one, other, f"{pointer}/prefixItems/{index}")
        self.node(old.get("items", True), new.get("items", True), f"{pointer}/items")

    def _alternatives(self, old: Sequence[Schema], new: Sequence[Schema], pointer: str) -> None:
        before, after = _tagged(self._old, old), _tagged(self._new, new)
        for index, (tag, branch) in enumerate(before.items()):
            if tag in after:
                self.node(branch, after[tag], f"{pointer}/{index}")
            else:
                self._broken(f"{pointer}/{index}", f"alternative {tag} removed")
        for tag in after.keys() - before.keys():
            self._broken(pointer, f"alternative {tag} added: old readers do not know it")

    def _values(self, old: Schema, new: Schema, pointer: str) -> None:
        if ("enum" in old) != ("enum" in new):
            self._broken(f"{pointer}/enum", "a closed list of values came or went")
            return
        before, after = list(old.get("enum", [])), list(new.get("enum", []))
        for value in before:
            if value not in after:
                self._broken(f"{pointer}/enum", f"value {_said(value)} removed: it lies in the log")
        for value in after:
            if value not in before:
                self._broken(f"{pointer}/enum", f"value {_said(value)} added: old readers do not know it")

    def _keywords(self, old: Schema, new: Schema, pointer: str) -> None:
        names = (old.keys() | new.keys()) - _STRUCTURE - _ANNOTATIONS
        for name in sorted(names):
            before, after = old.get(name, _MISSING), new.get(name, _MISSING)
            if _same(before, after) or (name.startswith("x-") and name != "x-unit"):
                continue
            change = _direction(name, before, after)
            self._broken(f"{pointer}/{name}", f"{name} {change} from {_said(before)} to {_said(after)}")


def _types(schema: Schema) -> frozenset[str]:
    kinds = schema.get("type", [])
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _resolve(root: Schema, schema: Schema) -> Schema:
    """Return `schema` with its reference replaced by what it names; keywords beside the reference win."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**_resolve(root, target), **beside}


def _tagged(root: Schema, branches: Sequence[Schema]) -> dict[str, Schema]:
    """Return alternatives by what tells them apart: a constant, the type, what they require; else their place."""
    tagged: dict[str, Schema] = {}
    for index, branch in enumerate(branches):
        tag = _tag(_resolve(root, branch))
        tagged[f"{tag} #{index}" if tag in tagged else tag] = branch
    return tagged


def _tag(schema: Schema) -> str:
    fields = schema.get("properties", {})
    constants = [f"{name}={field['const']}" for name, field in fields.items() if "const" in field]
    return " ".join(constants or sorted(_types(schema)) or schema.get("required", []))


def _same(before: object, after: object) -> bool:
    # Python calls 1 and true equal; JSON does not.
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _direction(name: str, before: object, after: object) -> str:
    if name not in _BOUNDS:
        return "changed"
    if before == _MISSING:
        return "narrowed"
    if after == _MISSING:
        return "widened"
    grew = isinstance(before, int | float) and isinstance(after, int | float) and after > before
    return "narrowed" if grew == _BOUNDS[name] else "widened"


def _said(value: object) -> str:
    if isinstance(value, list):
        return " or ".join(map(str, value))
    return str(value)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
