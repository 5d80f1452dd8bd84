"""What a query would read and cost, told before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DOLLARS_A_TIB = 6.25
"""On demand, in the US: https://cloud.google.com/bigquery/pricing#on_demand_pricing. Other places cost some more."""
ASK_BEYOND = 1 << 30
"""Bytes; less than a cent is nobody's question."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """BigQuery's own, by a dry run; the first TiB of a month is free."""

    bytes: int

    @property
    def dollars(self) -> float:
        return self.bytes / (1 << 40) * DOLLARS_A_TIB

    def __str__(self) -> str:
        return f"{self.bytes / 1e9:.1f} GB (about ${self.dollars:.2f})"


Agree = Callable[[Estimate], bool]
"""Asked before a query that would read more than ASK_BEYOND; False refuses it."""
