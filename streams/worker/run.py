"""Running the worker as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from faust.worker import Worker as FaustWorker

from streams.worker.flow import create_app
from streams.worker.logs import configure_logs

if TYPE_CHECKING:
    from streams.core.codebook import Codebook
    from streams.settings import Settings

__all__ = ["run_worker"]


class _Worker(FaustWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own
        super().__init__(*args, **kwargs)
        # It writes escape sequences to standard output even where that is no terminal.
        self.spinner = None

    def _setup_logging(self) -> None:
        """Keep ours: Faust would replace the root handlers."""


def run_worker(settings: Settings, codebook: Codebook) -> None:
    """Run until SIGTERM or SIGINT, or until the log must be read anew; exits 0 on a signal, 1 on a crash."""
    configure_logs(settings.log_level)
    structlog.get_logger().info(
        "worker_started",
        bootstrap=settings.bootstrap,
        group=settings.application_id(codebook.version),
        web=f"http://{settings.web_host}:{settings.web_port}/readyz",
    )
    _Worker(create_app(settings, codebook), quiet=True, loglevel="WARN").execute_from_commandline()
