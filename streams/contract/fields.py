"""The fields of a schema as a person reads them: one row each, nested ones under their path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.contract.schema import Schema

__all__ = ["FieldRow", "field_rows", "messages_of"]

_REFERENCE: Final = "#/$defs/"
_MANY_VALUES: Final = 4
# Characters of a regular expression that can still be read in a table.
_LONG_PATTERN: Final = 32


class FieldRow(NamedTuple):
    """A field: `path` such as `top_dyads[].dyad`; `limits` holds range and unit, length, values, format or pattern."""

    path: str
    kind: str
    required: bool
    limits: str
    description: str


def messages_of(schema: Schema) -> dict[str, Schema]:
    """Return the messages of a topic's schema by title: usually one, several if they differ in `kind`."""
    branches = [_resolve(schema, branch) for branch in schema.get("oneOf", [schema])]
    return {str(branch["title"]): branch for branch in branches}


def field_rows(schema: Schema, message: Schema) -> list[FieldRow]:
    """Return the fields of `message`, in order, each before those inside it; `schema` holds the definitions."""
    return list(_rows(schema, message, ""))


def _rows(schema: Schema, node: Schema, prefix: str) -> Iterator[FieldRow]:
    required = node.get("required", [])
    for name, field in node.get("properties", {}).items():
        resolved = _resolve(schema, field)
        path = f"{prefix}{name}"
        yield FieldRow(
            path,
            _kind(schema, field),
            name in required,
            " ".join(filter(None, (_limits(resolved), _unit(resolved)))),
            str(field.get("description", resolved.get("description", ""))),
        )
        inner, suffix = _inside(schema, field)
        if inner is not None:
            yield from _rows(schema, inner, f"{path}{suffix}.")


def _inside(schema: Schema, field: Schema) -> tuple[Schema | None, str]:
    """Return the object that a field holds, itself or in a list, and what its path gets."""
    for branch in (field, *field.get("anyOf", [])):
        resolved = _resolve(schema, branch)
        if "properties" in resolved:
            return resolved, ""
        if isinstance(items := resolved.get("items"), dict) and "properties" in (item := _resolve(schema, items)):
            return item, "[]"
    return None, ""


def _resolve(schema: Schema, node: Schema) -> Schema:
    reference = node.get("$ref")
    if reference is None:
        return node
    definition: Schema = schema["$defs"][reference.removeprefix(_REFERENCE)]
    return definition


def _kind(schema: Schema, node: Schema) -> str:
    if "anyOf" in node:
        return " or ".join(_kind(schema, branch) for branch in node["anyOf"])
    resolved = _resolve(schema, node)
    kinds = resolved.get("type", "any")
    named = [_array(schema, resolved) if kind == "array" else str(kind) for kind in _listed(kinds)]
    return " or ".join(named)


def _array(schema: Schema, node: Schema) -> str:
    if "prefixItems" in node:
        return f"[{', '.join(_kind(schema, item) for item in node['prefixItems'])}]"
    return f"array of {_kind(schema, node['items'])}"


def _unit(node: Schema) -> str:
    parts = [node, *node.get("prefixItems", [])]
    if isinstance(node.get("items"), dict):
        parts.append(node["items"])
    return next((str(part["x-unit"]) for part in parts if "x-unit" in part), "")


def _limits(node: Schema) -> str:
    if "const" in node:
        return f"{node['const']}"
    if "enum" in node:
        values = [str(value) for value in node["enum"] if value]
        return " ".join(values) if len(values) <= _MANY_VALUES else f"{len(values)} values: {' '.join(values)}"
    texts = [_range(node, "minimum", "maximum", ""), _range(node, "minLength", "maxLength", " characters")]
    if "prefixItems" not in node:
        texts.append(_range(node, "minItems", "maxItems", " items"))
    return ", ".join(filter(None, (*texts, node.get("format"), _pattern(node))))


def _pattern(node: Schema) -> str:
    """Return a pattern that the eye takes in; of longer ones an example."""
    pattern: str = node.get("pattern", "")
    examples = node.get("examples", [])
    return f"such as {examples[0]}" if len(pattern) > _LONG_PATTERN and examples else pattern


def _range(node: Schema, low: str, high: str, unit: str) -> str:
    if low not in node and high not in node:
        return ""
    if low not in node:
        return f"at most {node[high]}{unit}"
    if high not in node:
        return f"at least {node[low]}{unit}"
    return f"{node[low]}{unit}" if node[low] == node[high] else f"{node[low]}..{node[high]}{unit}"


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - a keyword that is one value or a list of them
    return value if isinstance(value, list) else [value]
