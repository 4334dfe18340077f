"""The coder's data files, read from the package and built into what `core` looks things up in."""

from __future__ import annotations

import gc
import hashlib
import tomllib
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from streams.core.actors import Catalogue
from streams.core.catalogue_check import check_catalogue
from streams.core.codebook import CODER_VERSION, Codebook, build_codebook
from streams.core.entries import COLUMNS, read_entries
from streams.core.errors import CodebookError
from streams.core.models import PLOVER_TYPES
from streams.core.triggers import Shifter, TriggerEntry, frames_of, read_shifters, read_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from streams.core.entries import Entry

__all__ = ["catalogue_problems", "data_version", "load_catalogue", "load_codebook", "load_shifters", "load_triggers"]

_DATA: Final = files("streams") / "data"
_ACTOR_FILES: Final = (*(f"{kind}.psv" for kind in COLUMNS), "agents.toml", "rules.toml")
_FRAME_FILES: Final = (
    "verbal_cooperation",
    "material_cooperation",
    "verbal_conflict",
    "material_conflict",
    "forms",
    "cues",
)
_CODER_FILES: Final = (*_FRAME_FILES, "grammar", "modality", "goldstein")
_LEXICON_FILES: Final = tuple(f"{name}.psv" for name in (*PLOVER_TYPES, "shifters"))
# 8 hex digits: enough to tell codebooks apart in an application id.
_VERSION_BYTES: Final = 4


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through tens of thousands of rows while they are read: a third faster."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_collector_paused()
def load_catalogue() -> Catalogue:
    """Return the actor catalogue of the package's data.

    Raises: CodebookError naming file, entry and remedy.
    """
    return Catalogue.build(*_read_catalogue())


def catalogue_problems() -> list[str]:
    """Return what is wrong in the catalogue's files, a line each; see `streams.core.catalogue_check`.

    Raises: CodebookError if a file cannot be read at all.
    """
    return check_catalogue(*_read_catalogue())


def _read_catalogue() -> tuple[dict[str, list[Entry]], dict[str, Any], dict[str, Any]]:
    folder = _DATA / "actors"
    entries = {kind: read_entries(kind, _read_text(folder / f"{kind}.psv")) for kind in COLUMNS}
    return entries, _read_toml(folder / "agents.toml"), _read_toml(folder / "rules.toml")


@_collector_paused()
def load_codebook() -> Codebook:
    """Return everything the coder looks things up in, from the package's data.

    Raises: CodebookError naming file, entry and remedy.
    """
    tables = {name: _read_toml(_DATA / "coder" / f"{name}.toml") for name in _CODER_FILES}
    return build_codebook(
        lambda triggers: Catalogue.build(*_read_catalogue(), triggers),
        lexicon={name: tables[name] for name in _FRAME_FILES},
        triggers={plover: frames_of(entries) for plover, entries in load_triggers().items()},
        grammar=tables["grammar"],
        modality=tables["modality"],
        goldstein=tables["goldstein"],
        version=data_version(),
    )


def load_triggers() -> dict[str, list[TriggerEntry]]:
    """Return the entries of the trigger lexicon by PLOVER type.

    Raises: CodebookError naming file, line and remedy.
    """
    return {plover: read_triggers(plover, _read_text(_DATA / "lexicon" / f"{plover}.psv")) for plover in PLOVER_TYPES}


def load_shifters() -> list[Shifter]:
    """Return what turns the mode or the type of an act.

    Raises: CodebookError naming file, line and remedy.
    """
    return read_shifters(_read_text(_DATA / "lexicon" / "shifters.psv"))


def data_version() -> str:
    """Return 8 hex digits that change with any byte of the coder's data files and with the coder's rules."""
    digest = hashlib.blake2b(f"coder {CODER_VERSION}\n".encode(), digest_size=_VERSION_BYTES)
    coder_files = tuple(f"{name}.toml" for name in _CODER_FILES)
    for folder, names in (("actors", _ACTOR_FILES), ("coder", coder_files), ("lexicon", _LEXICON_FILES)):
        for name in sorted(names):
            data = (_DATA / folder / name).read_bytes()
            digest.update(f"{folder}/{name}:{len(data)}\n".encode() + data)
    return digest.hexdigest()


def _read_text(path: Traversable) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CodebookError(f"{path.name}: {error}; restore the file") from error


def _read_toml(path: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise CodebookError(f"{path.name}: {error}; restore the file or correct its TOML") from error
