"""What a run finds around it, before any verb starts: standard streams, the libraries' logs, the `.env` file."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from streams.cli.exits import debugging

__all__ = ["check_env_file", "prepare_streams", "silence_libraries"]

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_OURS: Final = b"TENSIONWIRE_"


def prepare_streams() -> None:
    """Make standard output and error usable wherever they lead: closed, or in an encoding that lacks letters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - lives as long as the process
        else:
            with suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def silence_libraries() -> None:
    """Keep Kafka clients' and dotenv's own logs off standard error: our one line says what is wrong."""
    if not debugging():
        for name in ("kafka", "aiokafka", "dotenv"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def check_env_file(path: Path = Path(".env")) -> None:
    """Check that `path`, if it is there and holds our settings, can be read as they will be.

    Raises: ConfigurationError naming the line and the remedy.
    """
    if not path.is_file():
        return
    from streams.core.errors import ConfigurationError  # noqa: PLC0415 - most runs find no such file

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; make it readable, or start elsewhere") from None
    if raw.startswith(_UTF16):
        raise ConfigurationError(f"{path}: is UTF-16; save it as UTF-8 (PowerShell: Set-Content -Encoding utf8)")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from None
    number = _bad_line(text) if _OURS in raw else None
    if number is not None:
        raise ConfigurationError(f"{path}:{number}: is not NAME=value; correct the line, or put # before it")


def _bad_line(text: str) -> int | None:
    from io import StringIO  # noqa: PLC0415 - as above

    from dotenv.parser import parse_stream  # noqa: PLC0415 - as above

    return next((binding.original.line for binding in parse_stream(StringIO(text)) if binding.error), None)
