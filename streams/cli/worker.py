"""`tensionwire worker`: run the three agents."""

from __future__ import annotations

import socket

import click

from streams.cli.topics import connect_admin
from streams.codebook import load_codebook
from streams.core.errors import ConfigurationError
from streams.settings import load_settings
from streams.worker.topics import compare, topics_of


@click.command()
@click.option("--web-port", type=int, help="Port of /healthz, /readyz and /metrics; default 6066.")
@click.option("--instance-id", help="Static group membership: a name that is this worker's alone.")
def worker(web_port: int | None, instance_id: str | None) -> None:
    """Run a worker until SIGTERM: deduplicate, classify, aggregate. Start as many as there are partitions.

    \b
    Output:  JSON logs on standard error; http://127.0.0.1:6066/readyz says when its tables are restored
    Exit:    0 stopped by a signal, 1 crashed (start it again: the log is the truth), 2 configuration
    Example: tensionwire topics init && tensionwire worker
    """
    settings = load_settings(web_port=web_port, instance_id=instance_id)
    codebook = load_codebook()
    with connect_admin(settings.bootstrap) as admin:
        missing = [
            line
            for line in compare(admin, topics_of(settings, codebook.version))
            if "partitions" in line or "missing" in line
        ]
    if missing:
        more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""  # noqa: PLR2004 - as many as are shown
        raise ConfigurationError("; ".join(missing[:3]) + more)
    _check_port(settings.web_host, settings.web_port)
    # Faust takes a second to import: only who runs a worker pays.
    from streams.worker.run import run_worker  # noqa: PLC0415

    run_worker(settings, codebook)


def _check_port(host: str, port: int) -> None:
    # Before the group is joined: a worker that cannot stay would move everybody's partitions twice.
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        remedy = "choose another with --web-port or TENSIONWIRE_WEB_PORT; the address is TENSIONWIRE_WEB_HOST"
        raise ConfigurationError(f"the web port {host}:{port} cannot be used: {error.strerror}; {remedy}") from None
