"""What is free is what the system says, or what a container's limit leaves, if that is less."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.machine import free_bytes
from recommender.device import Device

MEMINFO = "MemTotal:       24000000 kB\nMemFree:         100000 kB\nMemAvailable:    2000000 kB\n"
AVAILABLE = 2_000_000 * 1024
LIMITED = {
    "version 2": {"memory.max": "900", "memory.current": "500", "memory.stat": "anon 300\ninactive_file 150\n"},
    "version 1": {
        "memory/memory.limit_in_bytes": "900",
        "memory/memory.usage_in_bytes": "500",
        "memory/memory.stat": "inactive_file 7\ntotal_inactive_file 150\n",
    },
}


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text(MEMINFO)
    return tmp_path / "meminfo"


def groups(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / name).write_text(text + "\n")
    return folder / "cgroup"


def test_without_a_limit_it_is_what_the_system_says(meminfo: Path, tmp_path: Path) -> None:
    unlimited = groups(tmp_path, LIMITED["version 2"] | {"memory.max": "max"})

    assert free_bytes(Device.CPU, meminfo, tmp_path / "none") == AVAILABLE
    assert free_bytes(Device.CPU, meminfo, unlimited) == AVAILABLE


def test_a_limit_beyond_what_there_is_changes_nothing(meminfo: Path, tmp_path: Path) -> None:
    wide = groups(tmp_path, LIMITED["version 1"] | {"memory/memory.limit_in_bytes": str(2**63 - 4096)})

    assert free_bytes(Device.CPU, meminfo, wide) == AVAILABLE


@pytest.mark.parametrize("version", LIMITED)
def test_a_container_has_what_its_limit_leaves_and_the_cache_that_can_go(
    meminfo: Path, tmp_path: Path, version: str
) -> None:
    assert free_bytes(Device.CPU, meminfo, groups(tmp_path, LIMITED[version])) == 900 - 500 + 150


def test_a_system_that_says_nothing_is_unknown(tmp_path: Path) -> None:
    assert free_bytes(Device.CPU, tmp_path / "none", tmp_path / "none") is None


def test_here_it_says_something() -> None:
    if not Path("/proc/meminfo").exists():
        pytest.skip("no /proc/meminfo here")

    assert (free_bytes(Device.CPU) or 0) > 1 << 20
