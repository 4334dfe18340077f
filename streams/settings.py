"""Settings, from the environment (`TENSIONWIRE_*`) or a `.env` file; `tensionwire config show` prints them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.core.errors import ConfigurationError
from streams.core.tension import TensionSettings

__all__ = ["ENV_PREFIX", "Settings", "load_settings"]

ENV_PREFIX: Final = "TENSIONWIRE_"


class Settings(BaseSettings):
    """All settings of the worker, the feeders and the command line."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_file=".env", extra="ignore", frozen=True)

    bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma separated host:port.")
    prefix: str = Field(
        "tensionwire", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="First part of every topic name and group id."
    )
    partitions: int = Field(
        4, ge=1, le=256, description="Partitions of every topic `topics init` creates; cannot be lowered later."
    )
    replication: int = Field(1, ge=1, le=9, description="Replication factor of every topic; 3 on a real cluster.")
    batch_records: int = Field(1000, ge=1, le=20000, description="Most records in one transaction of a stage.")
    batch_seconds: float = Field(
        0.05, gt=0, le=5, description="Longest wait, in seconds, for a batch to fill; adds to latency at low rates."
    )
    web_host: str = Field("127.0.0.1", description="Address the worker's health and metrics port binds to.")
    web_port: int = Field(6066, ge=1, le=65535, description="Port of /healthz, /readyz and /metrics.")
    session_timeout_seconds: float = Field(
        10.0, ge=6, le=300, description="Silence after which Kafka gives a worker's partitions to another worker."
    )
    instance_id: str | None = Field(
        None, description="Static group membership: a worker restarted under the same name keeps its partitions."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least severe log event written."
    )
    half_life_days: float = Field(7.0, gt=0, le=365, description="Days after which an event weighs half.")
    half_tension: float = Field(40.0, gt=0, description="Pressure, in Goldstein points, at which tension is 50.")

    def topic(self, name: str) -> str:
        """Return the full name of a topic of the design.

        >>> Settings(_env_file=None).topic("reports.raw")
        'tensionwire.reports.raw.v1'
        """
        return f"{self.prefix}.{name}.v1"

    def application_id(self, codebook_version: str) -> str:
        """Return the consumer group and changelog prefix: a new codebook is a new application."""
        return f"{self.prefix}-{codebook_version}"

    def internal_topic(self, name: str, codebook_version: str) -> str:
        """Return the name of a topic that belongs to one application and is no contract."""
        return f"{self.prefix}.{name}.v1.{codebook_version}"

    def changelog(self, table: str, codebook_version: str) -> str:
        """Return the changelog topic of a table."""
        return f"{self.application_id(codebook_version)}-{table}-changelog"

    def tension(self) -> TensionSettings:
        """Return the constants of the tension index."""
        return TensionSettings(half_life=timedelta(days=self.half_life_days), half_tension=self.half_tension)


def load_settings(**overrides: object) -> Settings:
    """Return the settings; `overrides` that are not None win over the environment.

    Raises: ConfigurationError naming each bad variable and what is wrong with it.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"{ENV_PREFIX}{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg']}" for problem in error.errors()
        )
        raise ConfigurationError(problems) from None
