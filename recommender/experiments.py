"""The switch between two published versions: one small file beside the models, that every process follows.

<root>/experiment   JSON: id, a, b, by, since; there is none where nothing is compared
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from recommender.errors import DamagedModel, ExperimentRefused, NoModel
from recommender.experiment import DAMAGED, Experiment, read, written
from recommender.version import MANIFEST, sync, write_atomically

FILE = "experiment"


class Experiments:
    """Every method blocks. A reader sees the file whole or not at all; who writes is `alone` in the registry."""

    def __init__(self, root: Path, alone: Callable[[], AbstractContextManager[None]]) -> None:
        self._root = root
        self._alone = alone

    def running(self) -> Experiment | None:
        """Raises DamagedModel where the file says none."""
        try:
            return read((self._root / FILE).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise DamagedModel(DAMAGED) from error

    def readable(self) -> Experiment | None:
        """None also where the file says none: whoever answers ends that."""
        try:
            return self.running()
        except DamagedModel:
            return None

    def compared(self) -> frozenset[str]:
        """The versions that are not to be removed now."""
        running = self.readable()
        return frozenset(running.versions if running is not None else ())

    def require(self, experiment: Experiment) -> None:
        """Raises NoModel where one of its versions is no more, or never was; whether they are whole opening says."""
        for version in experiment.versions:
            if Path(version).name != version or not (self._root / version / MANIFEST).is_file():
                raise NoModel(f"there is no model version {version!r}: `indiean models list` shows those that exist")

    def begin(self, experiment: Experiment) -> None:
        """Starts comparing: every process that follows does within half a minute.

        Raises:
            ExperimentRefused: another one is running.
            NoModel: one of the versions does not exist.
        """
        self.require(experiment)
        with self._alone():
            if (self._root / FILE).exists():
                raise ExperimentRefused(
                    "an experiment is running already: `indiean models list` shows it, "
                    "`indiean models experiment --stop` ends it"
                )
            write_atomically(self._root / FILE, written(experiment))

    def end(self, only: str | None = None) -> bool:
        """Stops comparing, whatever is running or `only` the one of that id; False where there was none."""
        if not (self._root / FILE).exists():
            return False
        with self._alone():
            if only is not None and not self._is(only):
                return False
            (self._root / FILE).unlink(missing_ok=True)
            sync(self._root)
            return True

    def _is(self, wanted: str) -> bool:
        running = self.readable()
        return running is not None and running.id == wanted
