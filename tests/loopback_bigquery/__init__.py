"""A BigQuery on 127.0.0.1 that the real client talks to, refusing what BigQuery refuses."""

from __future__ import annotations

from tests.loopback_bigquery.server import LoopbackBigQuery

__all__ = ["LoopbackBigQuery"]
