"""What `indiean train` would learn from files of interactions and games."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from jobs.training import Gathered, TrainingSettings, gather
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.importing import import_paths


def gathered(files: Sequence[Path], min_games: int = TrainingSettings().min_games) -> Gathered:
    with tempfile.TemporaryDirectory() as folder, DuckDBWarehouse(Path(folder) / "warehouse.duckdb") as warehouse:
        import_paths(list(files), warehouse, home=Path(folder), now=datetime.now(UTC), progress=lambda _: None)
        return gather(warehouse, TrainingSettings(min_games=min_games))
