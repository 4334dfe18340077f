"""Reaching the cluster: the bootstrap addresses, the advertised ones, then its description."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.cli.checks.finding import Finding, Skipped, error, warning
from streams.cli.checks.snapshot import Snapshot, take_snapshot
from streams.client.listener import Address, Answer, Trouble, ask_all, is_reachable, parse_bootstrap
from streams.core.errors import ConfigurationError

if TYPE_CHECKING:
    from streams.cli.checks.finding import Verdict
    from streams.settings import Settings

__all__ = ["Description", "Listeners"]

# Milliseconds for one answer of a broker that is known to listen.
_REQUEST_MS: Final = 5000
_REMEDIES: Final = {
    "unresolvable": "export TENSIONWIRE_BOOTSTRAP=HOST:PORT and a name that `getent hosts {host}` finds",
    "refused": "start the broker (deploy/kafka/run.sh --data DIR), or export TENSIONWIRE_BOOTSTRAP=HOST:PORT",
    "unreachable": "export TENSIONWIRE_BOOTSTRAP=HOST:PORT that this host reaches; is a firewall in between?",
    "tls": "point TENSIONWIRE_BOOTSTRAP at the PLAINTEXT listener (see listeners= in the broker's server.properties)",
    "not_kafka": "export TENSIONWIRE_BOOTSTRAP=HOST:PORT of Kafka; `ss -ltnp 'sport = :{port}'` says who it is",
    "silent": "point TENSIONWIRE_BOOTSTRAP at the broker's PLAINTEXT listener, not at its controller; see its log",
}


class Listeners:
    """The answers at the bootstrap addresses, asked once."""

    def __init__(self, bootstrap: str) -> None:
        try:
            self._addresses = parse_bootstrap(bootstrap)
        except ConfigurationError:
            # What is wrong with it, the check of the settings says.
            self._addresses = []
        self._answer: Answer | None = None
        self._answering: list[Address] = []

    def check_bootstrap(self) -> Verdict:
        """Return what is wrong with each address; one that answers is enough to go on."""
        answers = ask_all(self._addresses)
        self._answer = next((answer for answer in answers.values() if isinstance(answer, Answer)), None)
        self._answering = [address for address, answer in answers.items() if isinstance(answer, Answer)]
        make = error if self._answer is None else warning
        found = [
            make(f"broker.{answer.kind}", f"TENSIONWIRE_BOOTSTRAP={address}", answer.problem, _remedy(address, answer))
            for address, answer in answers.items()
            if isinstance(answer, Trouble)
        ]
        if not answers:
            remedy = "export TENSIONWIRE_BOOTSTRAP=127.0.0.1:9092"
            found.append(
                error("setting.bootstrap", "TENSIONWIRE_BOOTSTRAP", "no address of the form host:port", remedy)
            )
        return found

    @property
    def bootstrap(self) -> str:
        """The addresses that answer: Kafka's clients would wait for the others."""
        return ",".join(map(str, self._answering))

    @property
    def brokers(self) -> list[int]:
        """The ids of all brokers of the cluster."""
        return sorted(self._answer.advertised) if self._answer is not None else []

    def check_advertised(self) -> Verdict:
        """Return the brokers that tell clients to come to an address where nobody is."""
        if self._answer is None:
            return Skipped("no broker answers")
        failures = {number: is_reachable(address) for number, address in self._answer.advertised.items()}
        return [
            _not_reachable(number, self._answer.advertised[number], failure)
            for number, failure in failures.items()
            if failure is not None
        ]


def _remedy(address: Address, trouble: Trouble) -> str:
    return _REMEDIES[trouble.kind].format(host=address.host, port=address.port)


def _not_reachable(number: int, address: Address, failure: str) -> Finding:
    problem = (
        f"the bootstrap address answers, but sends clients on to {address}, where {failure}: "
        "a client gets its first answer and then hangs (usual with a broker in a container)"
    )
    remedy = "set advertised.listeners=PLAINTEXT://HOST:PORT to what this host can reach, and restart the broker"
    return error("broker.advertised", f"broker {number}: advertised.listeners", problem, remedy)


class Description:
    """The cluster's description, once it has been taken."""

    def __init__(self, settings: Settings, version: str, listeners: Listeners) -> None:
        self._settings = settings
        self._listeners = listeners
        self._version = version
        self.snapshot: Snapshot | None = None

    def take(self) -> Verdict:
        """Read everything the rules look at."""
        # Its warnings about single requests would be mixed into the list of checks.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        settings = self._settings.model_copy(update={"bootstrap": self._listeners.bootstrap})
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=settings.bootstrap.split(","),
                client_id="tensionwire-check",
                bootstrap_timeout_ms=_REQUEST_MS,
                request_timeout_ms=_REQUEST_MS,
            )
            try:
                self.snapshot = take_snapshot(admin, settings, self._version, self._listeners.brokers)
            finally:
                admin.close()
        except KafkaError as failure:
            return [self._failed(failure)]
        return []

    def _failed(self, failure: KafkaError) -> Finding:
        name = type(failure).__name__
        if "Authorization" in name:
            remedy = (
                "kafka-acls.sh --add --allow-principal User:NAME --operation Describe --cluster --topic '*' --group '*'"
            )
            return error("broker.rights", self._settings.bootstrap, f"not allowed: {name}", remedy)
        remedy = "if the listener wants a login (SASL), use its PLAINTEXT listener; else look at the broker's log"
        return error("broker.describe", self._settings.bootstrap, f"it answers, then refuses: {name}", remedy)
