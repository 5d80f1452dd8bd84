"""Programs that come with packages of the tests, wherever those are installed."""

from __future__ import annotations

import subprocess
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITHIN = 120.0


def program(package: str, name: str) -> str:
    """The path of a program that a package brings."""
    found = distribution(package)
    places = [found.locate_file(file) for file in found.files or () if file.stem == name]
    (place,) = [str(each) for each in places if Path(str(each)).parent.name in {"bin", "Scripts"}]
    return place


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """What came of it; with an `environment` there is nothing else in it."""
    return subprocess.run(  # noqa: S603 - what the tests themselves put together
        command,
        cwd=folder,
        env=environment or None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
