"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None, max_examples=60)  # a busy machine is no failure
settings.load_profile("steady")


@pytest.fixture(scope="session")
def steam_data() -> Path:
    """The folder of real Steam data: beside the checkout, or where INDIEAN_TEST_DATA says."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "steam"
    folder = Path(os.environ.get("INDIEAN_TEST_DATA", beside))
    if not (folder / "interactions.parquet").exists():
        pytest.skip(f"real Steam data is not at {folder}: set INDIEAN_TEST_DATA to run this")
    return folder
