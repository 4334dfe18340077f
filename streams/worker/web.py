"""The worker's port: /healthz (the process lives), /readyz (its partitions are restored), /metrics (Prometheus)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.worker.exactly_once import ShardTable

__all__ = ["add_pages", "readiness"]


def readiness(tables: Sequence[ShardTable]) -> dict[str, Any]:
    """Return whether the worker serves, and per stage which partitions are restored."""
    stages = {table.stage.name: table.status() for table in tables}
    # A worker with nothing to do (more workers than partitions) is ready too, once the group has said so.
    assigned = all(table.assigned for table in tables)
    restored = all(all(partitions.values()) for partitions in stages.values())
    return {
        "ready": assigned and restored,
        "assigned": assigned,
        "restored": restored,
        "stages": {name: {str(number): done for number, done in part.items()} for name, part in stages.items()},
    }


def add_pages(app: Any, tables: Sequence[ShardTable]) -> None:  # noqa: ANN401 - faust.App
    """Register the pages on Faust's web server."""

    async def healthz(web: Any, request: Any) -> Any:  # noqa: ANN401 - Faust's web types
        del request
        return web.json({"alive": True})

    async def readyz(web: Any, request: Any) -> Any:  # noqa: ANN401 - as above
        del request
        status = readiness(tables)
        return web.json(status, status=200 if status["ready"] else 503)

    async def metrics(web: Any, request: Any) -> Any:  # noqa: ANN401 - as above
        del request
        return web.text(generate_latest().decode(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.page(path)(handler)
