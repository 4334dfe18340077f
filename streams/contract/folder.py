"""The folder `schemas/`: written from the models, compared with them, and with what has been released."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streams import __version__
from streams.contract.compat import Breaking, compare_topics
from streams.contract.schema import schema_of
from streams.contract.topics import CONTRACTS
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.contract.schema import Schema

__all__ = ["REPOSITORY_SCHEMAS", "current_schemas", "drift", "find_breaks", "release", "releases", "write"]

# `schemas/` of a checkout; an installed wheel has none.
REPOSITORY_SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
_RELEASED: Final = "released"
_GOLDEN: Final = "golden"
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def current_schemas() -> dict[str, Schema]:
    """Return the schemas of the models as they are: versioned topic name -> schema."""
    return {name: schema_of(contract) for name, contract in CONTRACTS.items()}


def drift(folder: Path) -> list[str]:
    """Return the names of the files in `folder` that are missing, differ from the models, or have no topic."""
    expected = _files()
    stale = {name for name, content in expected.items() if _read(folder / name) != content}
    unknown = {path.name for path in folder.glob("*.json")} - expected.keys()
    return sorted(stale | unknown)


def write(folder: Path) -> list[str]:
    """Make `folder` equal to the models and return the names of the files that changed."""
    changed = drift(folder)
    expected = _files()
    for name in changed:
        if name in expected:
            (folder / name).write_text(expected[name], "utf-8")
        else:
            (folder / name).unlink()
    return changed


def releases(folder: Path) -> list[str]:
    """Return the versions whose schemas are kept in `folder`, oldest first."""
    kept = (path.name for path in (folder / _RELEASED).glob("*") if _VERSION.fullmatch(path.name))
    return sorted(kept, key=lambda version: tuple(map(int, version.split("."))))


def release(folder: Path, version: str) -> Path:
    """Keep the schemas and golden messages of `folder` as those of `version`, for ever; return where.

    Raises: ConfigurationError if `version` is no version or kept already, the folder is stale, or a change breaks.
    """
    target = folder / _RELEASED / version
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(f"{version!r} is not a version such as 0.1.0")
    if target.exists():
        raise ConfigurationError(
            f"{target} is there already, and what was released never changes; choose a new version"
        )
    if stale := drift(folder):
        raise ConfigurationError(f"{', '.join(stale)}: not what the models say; run `python -m streams.contract` first")
    for against in releases(folder):
        for place, breaking in find_breaks(folder, against):
            raise ConfigurationError(f"{place}#{breaking.pointer} breaks release {against}: {breaking.what}")
    target.mkdir(parents=True)
    for name in _files():
        shutil.copyfile(folder / name, target / name)
    shutil.copytree(folder / _GOLDEN, target / _GOLDEN)
    return target


def find_breaks(folder: Path, version: str) -> list[tuple[str, Breaking]]:
    """Return what the models break of the schemas released as `version` in `folder`: (file, change).

    Raises: ConfigurationError if there is no such release.
    """
    kept = folder / _RELEASED / version
    if version not in (known := releases(folder)):
        there = ", ".join(known) or "none"
        raise ConfigurationError(f"{kept}: no such release; there are: {there}. --schemas names another folder")
    old = {path.stem: _load(path) for path in sorted(kept.glob("*.v*.json"))}
    return [(f"{name}.json", breaking) for name, breaking in compare_topics(old, current_schemas())]


def _files() -> dict[str, str]:
    from streams.contract.asyncapi import asyncapi_of  # noqa: PLC0415 - it loads the settings; `show` needs none

    documents: dict[str, Any] = {f"{name}.json": schema for name, schema in current_schemas().items()}
    documents["asyncapi.json"] = asyncapi_of(__version__)
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in documents.items()}


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _load(path: Path) -> Schema:
    try:
        schema: Schema = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}; restore the released file") from error
    return schema
