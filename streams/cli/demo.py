"""`tensionwire demo`: broker, worker and sample reports in one go, then the table and one number explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console

from streams.cli.embedded import free_port, run_embedded_broker
from streams.cli.explaining import print_explanation
from streams.cli.replay import await_live_digest, fold_topic
from streams.cli.tables import print_actors
from streams.cli.topics import connect_admin
from streams.client.tables import TensionTable
from streams.codebook import load_codebook
from streams.core.classify import coder_of
from streams.core.errors import TensionwireError
from streams.feeds.files import ReportFile
from streams.feeds.sending import Sender, wire_form
from streams.settings import load_settings
from streams.worker.topics import create, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.core.codebook import Codebook
    from streams.core.fold import Fold
    from streams.settings import Settings

# Seconds until the worker must have folded thirty reports; it needs about ten, most of them to start.
_DEADLINE: Final = 120.0
_SAMPLE: Final = ("data", "crisis-2018", "reports.ndjson")


@click.command()
@click.option("--keep", is_flag=True, help="Leave broker and worker running until Ctrl-C.")
def demo(*, keep: bool) -> None:
    """Run the whole path on the sample crisis: September 2018, eight invented outlets.

    \b
    Output:  the tension table, one number explained down to its sentence, what to try next
    Exit:    0 ok, 1 the worker did not get there
    Example: tensionwire demo
    """
    console = Console()
    # Not the user's topics, whatever the environment says.
    for name in [name for name in os.environ if name.startswith("TENSIONWIRE_")]:
        del os.environ[name]
    codebook = load_codebook()
    with tempfile.TemporaryDirectory(prefix="tensionwire-demo-") as folder:
        console.print("starting the embedded broker ...", style="dim")
        with run_embedded_broker(Path(folder)) as bootstrap:
            settings = load_settings(bootstrap=bootstrap, partitions=2, web_port=free_port())
            with connect_admin(bootstrap) as admin:
                create(admin, topics_of(settings, codebook.version))
            sent = _feed(settings)
            console.print(
                f"sent {sent} reports to {settings.topic('reports.raw')}; starting the worker ...", style="dim"
            )
            with _running_worker(settings, Path(folder) / "worker.log") as worker:
                pipeline = _await_tables(settings, codebook, worker, Path(folder) / "worker.log")
                _show(console, settings, pipeline, codebook)
                if keep:
                    console.print(f"\nTENSIONWIRE_BOOTSTRAP={bootstrap} ... Ctrl-C to stop")
                    signal.pause()


def _feed(settings: Settings) -> int:
    sample = files("streams").joinpath(*_SAMPLE)
    sender = Sender(settings)
    failures: list[BaseException] = []
    count = 0
    with sample.open("rb") as stream:
        for line in ReportFile("sample", stream, None).lines():
            sender.send(*wire_form(line.raw), failures.append)
            count += 1
    sender.close()
    if failures:
        raise TensionwireError(f"the broker refused a sample report: {failures[0]}")
    return count


@contextmanager
def _running_worker(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "TENSIONWIRE_BOOTSTRAP": settings.bootstrap,
        "TENSIONWIRE_PARTITIONS": str(settings.partitions),
    }
    command = [sys.executable, "-m", "streams", "worker", "--web-port", str(settings.web_port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stderr=output, stdout=output)  # noqa: S603 - this program
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_tables(settings: Settings, codebook: Codebook, worker: subprocess.Popen[bytes], log: Path) -> Fold:
    """Return the fold of the log once the worker's ledger equals it: law L1, shown on the way."""
    pipeline = fold_topic(settings, coder_of(codebook), codebook.version)
    if pipeline.newest is None:
        raise TensionwireError("no sample report was accepted")
    wanted = pipeline.digest(pipeline.newest)
    deadline = time.monotonic() + _DEADLINE

    def go_on() -> bool:
        return worker.poll() is None and time.monotonic() < deadline

    if await_live_digest(settings, codebook.version, pipeline.newest, wanted, go_on) != wanted:
        what = f"did not finish in {_DEADLINE:.0f} s" if worker.poll() is None else f"exited {worker.returncode}"
        raise TensionwireError(f"the worker {what}; please report it with its log, kept in {_keep(log)}")
    return pipeline


def _keep(log: Path) -> str:
    """Return where a copy of `log` outlives the demo's folder."""
    handle, path = tempfile.mkstemp(prefix="tensionwire-demo-worker-", suffix=".log")
    with os.fdopen(handle, "wb") as kept:
        kept.write(log.read_bytes())
    return path


def _show(console: Console, settings: Settings, pipeline: Fold, codebook: Codebook) -> None:
    with TensionTable(settings.bootstrap, prefix=settings.prefix) as table:
        rows = table.load().rows()
    digest = pipeline.digest(pipeline.newest) if pipeline.newest else None
    hexdigest = digest.hexdigest if digest else None
    counts: dict[str, Any] = dict(pipeline.counts)
    result = {"as_of": pipeline.newest, "digest": hexdigest, "counts": counts, "actors": rows}
    console.print()
    print_actors(result, console)
    console.print(
        f"\nThe worker's ledger and `fold` of the same log agree: digest {hexdigest}\n", style="green", soft_wrap=True
    )
    if rows:
        print_explanation(console, settings, codebook.version, rows[0])
    console.print(
        "\n[bold]Try next[/bold]\n"
        "  tensionwire fold FILE               your own reports (NDJSON), no broker\n"
        "  tensionwire lint FILE               what would be rejected, and why\n"
        "  docker compose up -d --wait         Kafka and two workers; then `tensionwire feed file FILE` and `watch`\n"
        "  docs/README.md                      feed, subscribe, operate: five minutes each",
        soft_wrap=True,
    )
