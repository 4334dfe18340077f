"""Keys of a terminal as they are pressed, and a bell that other threads and signals can ring."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Keyboard"]


class Keyboard:
    """Reads single keys from standard input while entered, and puts the terminal back as it was.

    Without a terminal on standard input there are no keys, only the bell.
    """

    def __init__(self) -> None:
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._ring, False)
        self._input: int | None = None
        self._saved: list[Any] = []
        self._resized: Any = None

    def __enter__(self) -> Self:
        with suppress(OSError, ValueError, termios.error):
            if os.isatty(sys.stdin.fileno()):
                self._input = sys.stdin.fileno()
                self._saved = termios.tcgetattr(self._input)
                tty.setcbreak(self._input)
        self._resized = signal.signal(signal.SIGWINCH, self._on_resize)
        return self

    def __exit__(self, *exc: object) -> None:
        signal.signal(signal.SIGWINCH, self._resized)
        if self._saved:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._saved)

    def ring(self) -> None:
        """Make `wait` return; callable from any thread. A full pipe will wake it anyway."""
        with suppress(BlockingIOError):
            os.write(self._ring, b"!")

    def wait(self, timeout: float) -> str:
        """Return the keys pressed, empty after `timeout` seconds or at the bell."""
        watched = [self._bell] if self._input is None else [self._bell, self._input]
        ready, _, _ = select.select(watched, [], [], timeout)
        if self._bell in ready:
            os.read(self._bell, 4096)
        if self._input is None or self._input not in ready:
            return ""
        typed = os.read(self._input, 64)
        if not typed:
            self._input = None
        return typed.decode("utf-8", "replace")

    def _on_resize(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.ring()
