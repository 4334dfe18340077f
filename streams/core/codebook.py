"""Everything the coder looks things up in, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streams.core.clauses import Grammar, build_grammar
from streams.core.errors import CodebookError
from streams.core.lexicon import Lexicon, build_lexicon
from streams.core.modality import Modality, build_modality
from streams.core.models import PLOVER_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.core.actors import Catalogue

__all__ = ["CODER_VERSION", "Codebook", "build_codebook"]

# Raise it when the coder's rules change what is coded: it is part of the codebook's version.
CODER_VERSION: Final = 1


class Codebook(NamedTuple):
    """Catalogue, frames, word classes, markers and values; `version`: 8 hex digits over data and rules.

    `pair_lexicon`, `pair_grammar`: the frames together with the whole trigger lexicon, for pairs that are given.
    """

    catalogue: Catalogue
    lexicon: Lexicon
    grammar: Grammar
    modality: Modality
    goldstein: Mapping[str, float]
    default_cameo: Mapping[str, str]
    version: str
    pair_lexicon: Lexicon
    pair_grammar: Grammar

    def for_pairs(self) -> Codebook:
        """Return the codebook that reads given pairs."""
        return self._replace(lexicon=self.pair_lexicon, grammar=self.pair_grammar)

    def value_of(self, cameo: str) -> float:
        """Return the Goldstein value of a CAMEO code: its own, else that of the longest prefix that has one."""
        for size in range(len(cameo), 1, -1):
            value = self.goldstein.get(cameo[:size])
            if value is not None:
                return value
        return 0.0


def build_codebook(
    read_catalogue: Callable[[Iterable[str]], Catalogue],
    lexicon: Mapping[str, Any],
    triggers: Mapping[str, Any],
    grammar: Mapping[str, Any],
    modality: Mapping[str, Any],
    goldstein: Mapping[str, Any],
    version: str,
) -> Codebook:
    """Return the codebook of parsed data files; `read_catalogue` builds the catalogue and finds those phrases with it.

    Raises: CodebookError naming file, entry and remedy.
    """
    compiled = build_lexicon(lexicon)
    wide = build_lexicon({**lexicon, **triggers})
    missing = set(PLOVER_TYPES) - set(goldstein["default"])
    if missing:
        raise CodebookError(f"goldstein.toml: [default] lacks {sorted(missing)}; add a CAMEO code for each PLOVER type")
    return Codebook(
        read_catalogue(sorted({*wide.verbs, *wide.nouns})),
        compiled,
        build_grammar(grammar, compiled),
        build_modality(modality),
        {code: float(value) for code, value in goldstein["cameo"].items()},
        dict(goldstein["default"]),
        version,
        wide,
        build_grammar(grammar, wide),
    )
