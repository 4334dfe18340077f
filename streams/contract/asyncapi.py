"""The AsyncAPI 3.0 document: every public topic with its broker settings, keys and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.contract.schema import DEFAULT_PREFIX, DIALECT
from streams.contract.topics import CONTRACTS
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.contract.schema import Schema
    from streams.contract.topics import TopicContract

__all__ = ["asyncapi_of"]

_KAFKA_BINDING: Final = "0.5.0"
_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_DESCRIPTION: Final = """\
Feeders send raw reports; everyone else receives. Values are JSON objects in UTF-8, but on reports.rejected, whose
values are the bytes that were rejected. Addresses begin with the operator's prefix, `tensionwire` unless set otherwise.
Read with `isolation.level=read_committed`. Of two messages about one report or event, that with the larger
(`rev`, `seq`) holds. The schemas are JSON Schema 2020-12 ({dialect})."""


def asyncapi_of(version: str) -> Schema:
    """Return the document for the package's `version`; its schemas are references to the files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tensionwire",
            "version": version,
            "description": _DESCRIPTION.format(dialect=DIALECT),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:9092",
                "protocol": "kafka",
                "description": "Your own cluster: Apache Kafka 4.",
            }
        },
        "channels": {contract.versioned: _channel(contract) for contract in CONTRACTS.values()},
        "operations": dict(_operations()),
        "components": {
            "messages": {name: message for contract in CONTRACTS.values() for name, message in _messages(contract)},
            "schemas": {contract.versioned: _reference(contract) for contract in CONTRACTS.values()},
        },
    }


def _channel(contract: TopicContract) -> Schema:
    settings = Settings.model_fields
    return {
        "address": f"{DEFAULT_PREFIX}.{contract.versioned}",
        "title": contract.title,
        "description": contract.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in _messages(contract)},
        "bindings": {
            "kafka": {
                "topic": f"{DEFAULT_PREFIX}.{contract.versioned}",
                "partitions": settings["partitions"].default,
                "replicas": settings["replication"].default,
                "topicConfiguration": _topic_configuration(contract),
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _topic_configuration(contract: TopicContract) -> Schema:
    config = contract.config
    numbers = {name: int(config[name]) for name in ("retention.ms", "max.message.bytes") if name in config}
    return {"cleanup.policy": [config["cleanup.policy"]], **numbers}


def _messages(contract: TopicContract) -> Iterator[tuple[str, Schema]]:
    for struct in contract.messages:
        yield struct.__name__, _message(contract, struct.__name__)


def _message(contract: TopicContract, name: str) -> Schema:
    schema = {"schemaFormat": _FORMAT, "schema": {"$ref": _place(contract, name)}}
    key = {"description": contract.key.description, **contract.key.schema}
    message: dict[str, Any] = {
        "name": name,
        "title": contract.title,
        "summary": contract.description,
        "bindings": {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}},
    }
    if contract.describes == "headers":
        bytes_ = {"description": "The rejected record's original bytes."}
        return {**message, "contentType": "application/octet-stream", "headers": schema, "payload": bytes_}
    return {**message, "payload": schema}


def _place(contract: TopicContract, name: str) -> str:
    # The schema of a topic with one message is that message; with several, each is one of its definitions.
    return f"./{contract.versioned}.json" + (f"#/$defs/{name}" if len(contract.messages) > 1 else "")


def _reference(contract: TopicContract) -> Schema:
    return {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{contract.versioned}.json"}}


def _operations() -> Iterator[tuple[str, Schema]]:
    yield "feed.reports.raw.v1", _operation("send", CONTRACTS["reports.raw.v1"], "Feed a raw report.")
    for contract in CONTRACTS.values():
        yield f"receive.{contract.versioned}", _operation("receive", contract, contract.description)


def _operation(action: str, contract: TopicContract, summary: str) -> Schema:
    channel = f"#/channels/{contract.versioned}"
    messages = [{"$ref": f"{channel}/messages/{name}"} for name, _ in _messages(contract)]
    return {"action": action, "channel": {"$ref": channel}, "summary": summary, "messages": messages}
