"""Where a warehouse is in BigQuery, without Google's libraries, which take a second to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """`credentials` is a service-account file, or None for those of the machine; `api_url` None is Google's own.

    At another address without a file, nobody is asked who we are: it is a server of your own.
    """

    project: str
    dataset: str
    location: str = "US"
    credentials: Path | None = None
    api_url: str | None = None

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}"
