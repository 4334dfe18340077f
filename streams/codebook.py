"""The coder's data files, read from the package and built into what `core` looks things up in."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from streams.core.actors import Catalogue
from streams.core.codebook import CODER_VERSION, Codebook, build_codebook
from streams.core.errors import CodebookError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["data_version", "load_catalogue", "load_codebook"]

_DATA: Final = files("streams") / "data"
_ACTOR_FILES: Final = ("states", "persons", "groups", "agents")
_FRAME_FILES: Final = (
    "verbal_cooperation",
    "material_cooperation",
    "verbal_conflict",
    "material_conflict",
    "forms",
    "cues",
)
_CODER_FILES: Final = (*_FRAME_FILES, "grammar", "modality", "goldstein")
# 8 hex digits: enough to tell codebooks apart in an application id.
_VERSION_BYTES: Final = 4


def load_catalogue() -> Catalogue:
    """Return the actor catalogue of the package's data.

    Raises: CodebookError naming file, entry and remedy.
    """
    return Catalogue.build(**{name: _read_toml(_DATA / "actors" / f"{name}.toml") for name in _ACTOR_FILES})


def load_codebook() -> Codebook:
    """Return everything the coder looks things up in, from the package's data.

    Raises: CodebookError naming file, entry and remedy.
    """
    tables = {name: _read_toml(_DATA / "coder" / f"{name}.toml") for name in _CODER_FILES}
    return build_codebook(
        load_catalogue(),
        lexicon={name: tables[name] for name in _FRAME_FILES},
        grammar=tables["grammar"],
        modality=tables["modality"],
        goldstein=tables["goldstein"],
        version=data_version(),
    )


def data_version() -> str:
    """Return 8 hex digits that change with any byte of the coder's data files and with the coder's rules."""
    digest = hashlib.blake2b(f"coder {CODER_VERSION}\n".encode(), digest_size=_VERSION_BYTES)
    for folder, names in (("actors", _ACTOR_FILES), ("coder", _CODER_FILES)):
        for name in sorted(names):
            data = (_DATA / folder / f"{name}.toml").read_bytes()
            digest.update(f"{folder}/{name}.toml:{len(data)}\n".encode() + data)
    return digest.hexdigest()


def _read_toml(path: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CodebookError(f"{path.name}: {error}; restore the file or correct its TOML") from error
