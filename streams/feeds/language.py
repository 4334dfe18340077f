"""Language detection for reports that name none: offline, deterministic (py3langid carries its model)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from streams.core.reports import UNDETERMINED

__all__ = ["complete_fields", "detect_language"]

# Characters looked at: more changes nothing in a news report, and the cost is linear.
_SAMPLE_CHARS: Final = 600
# Shorter texts carry too little to tell neighbouring languages apart.
_MIN_CHARS: Final = 20


@cache
def _identifier() -> Any:  # noqa: ANN401 - py3langid is untyped
    # Loading its model takes 0.2 s: only who needs it pays.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of `text`, or `und` for what is too short to tell.

    >>> detect_language("The president of the republic met the prime minister on Monday.")
    'en'
    """
    sample = text[:_SAMPLE_CHARS]
    if len(sample) < _MIN_CHARS:
        return UNDETERMINED
    language, _ = _identifier().classify(sample)
    return str(language)


def complete_fields(fields: dict[str, Any], default_source: str | None) -> bool:
    """Add what a feeder owes to a raw report (`language`, `source`) in place; return whether anything was added."""
    added = False
    if not fields.get("source") and default_source:
        fields["source"] = default_source
        added = True
    if fields.get("language") is None:
        parts = [value for name in ("title", "text") if isinstance(value := fields.get(name), str)]
        fields["language"] = detect_language("\n".join(parts))
        added = True
    return added
