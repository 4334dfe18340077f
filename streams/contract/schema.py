"""JSON Schema 2020-12 of a public topic, made from its structs."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.contract.topics import TopicContract

__all__ = ["DEFAULT_PREFIX", "DIALECT", "Schema", "schema_of"]

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
# First part of a topic's full name, unless an operator chose another.
DEFAULT_PREFIX: Final = "tensionwire"
_OPEN: Final = "Ignore fields you do not know."
# Keywords first in every object of a schema file, so that it reads from the general to the particular.
_FIRST: Final = ("title", "description", "type", "format", "pattern", "const", "enum", "minimum", "maximum", "x-unit")


def schema_of(contract: TopicContract) -> Schema:
    """Return the schema of what `contract` says of its topic: of the values, or of the headers.

    The same contract gives the same schema, its keys in the same order.
    """
    (root,), parts = msgspec.json.schema_components([_union(contract)], ref_template="#/$defs/{name}")
    defs = {name: _tidy(part) for name, part in sorted(parts.items())}
    # A topic's only message is the schema itself; of several, each is a definition.
    root = {"oneOf": root["anyOf"]} if "anyOf" in root else defs.pop(contract.messages[0].__name__)
    head = {
        "$schema": DIALECT,
        "$id": f"urn:tensionwire:schema:{contract.name}:v{contract.version}",
        "title": contract.title,
        "description": "\n\n".join(filter(None, (contract.description, root.pop("description", None), _OPEN))),
        "x-status": "reserved" if contract.reserved else "stable",
        "x-kafka": _kafka(contract),
    }
    root.pop("title", None)
    return {**head, **root, **contract.rules, **({"$defs": defs} if defs else {})}


def _union(contract: TopicContract) -> Any:  # noqa: ANN401 - a type or a union of types
    first, *others = contract.messages
    union: Any = first
    for message in others:
        union |= message
    return union


def _kafka(contract: TopicContract) -> Schema:
    config = contract.config
    retention = config.get("retention.ms")
    return {
        "topic": f"{DEFAULT_PREFIX}.{contract.versioned}",
        "describes": contract.describes,
        "key": {"description": contract.key.description, "encoding": "UTF-8 text", "schema": dict(contract.key.schema)},
        "partitioner": "murmur2 of the key, as Kafka's Java client picks by default",
        "cleanup.policy": config["cleanup.policy"],
        "retention.ms": int(retention) if retention else None,
        "tombstones": contract.tombstones,
        "timestamp": "LogAppendTime: when the record was ingested",
    }


def _tidy(part: Any) -> Any:  # noqa: ANN401 - any node of a schema
    """Return a node of what msgspec made as readers expect it: nullable types as one list, tags as constants."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    tidy = {name: _tidy_properties(value) if name == "properties" else _tidy(value) for name, value in part.items()}
    tidy = _merge_null(tidy)
    if "description" in tidy:
        tidy["description"] = cleandoc(tidy["description"])
    if "properties" in tidy:
        tidy["additionalProperties"] = True
    if "enum" in tidy and "type" not in tidy:
        tidy["type"] = ["string", "null"] if None in tidy["enum"] else "string"
    return {name: tidy[name] for name in (*_FIRST, *(name for name in tidy if name not in _FIRST)) if name in tidy}


def _tidy_properties(properties: Mapping[str, Any]) -> Schema:
    tidy = {}
    for name, value in properties.items():
        if value.keys() == {"enum"} and len(value["enum"]) == 1:
            tidy[name] = {"description": "Which message this is.", "type": "string", "const": value["enum"][0]}
        else:
            tidy[name] = _tidy(value)
    return tidy


def _merge_null(node: Schema) -> Schema:
    """Return `anyOf: [type X, null]` as `type: [X, null]`; a reference stays an alternative."""
    options = node.get("anyOf")
    if not options or len(options) != 2 or options[1] != {"type": "null"} or "$ref" in options[0]:  # noqa: PLR2004
        return node
    outer = {name: value for name, value in node.items() if name != "anyOf"}
    merged = {**options[0], **outer}
    merged["type"] = [options[0]["type"], "null"]
    if "enum" in merged and None not in merged["enum"]:
        merged["enum"] = [*merged["enum"], None]
    return merged
