"""Published models: which versions there are, and which of them is in service.

<root>/current      the versions that were put in service, the latest last, one a line
<root>/<version>/   see version.py
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from recommender.catalog import Game
from recommender.engine import Served
from recommender.errors import DamagedModel, NoModel
from recommender.linear import Linear
from recommender.version import MANIFEST, Card, open_version, read_card, sync, write_atomically, write_version

log = logging.getLogger(__name__)

CURRENT = "current"
KEPT_PROMOTIONS = 50


class Registry:
    """Every method blocks. A reader sees a version whole or not at all, whatever a writer is doing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(
        self,
        model: Linear,
        catalog: Iterable[Game],
        *,
        created: datetime,
        metrics: Mapping[str, Mapping[str, float]],
        fingerprint: str,
        synthetic: bool,
        players: int,
    ) -> Card:
        """Writes a version beside its final place, moves it there in one step, then promotes it."""
        version = _name(created, model, fingerprint)
        card = Card(version, created, model.settings, metrics, fingerprint, synthetic, players, len(model.items))
        self._root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
        try:
            write_version(folder, card, model, catalog)
            _replace_folder(folder, self._root / version)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.promote(version)
        return card

    def versions(self) -> list[Card]:
        """Every version with a readable manifest, the newest first."""
        found = []
        for manifest in self._root.glob(f"*/{MANIFEST}"):
            if manifest.parent.name.startswith("."):
                continue  # being written
            try:
                found.append(read_card(manifest.parent))
            except DamagedModel as damage:
                log.warning("left out of the list: %s", damage)
        return sorted(found, key=lambda card: (card.created, card.version), reverse=True)

    def current(self) -> str:
        """The version in service.

        Raises:
            NoModel: nothing has been published.
        """
        return self._promotions()[-1]

    def promote(self, version: str) -> None:
        """Puts a version in service.

        Raises:
            NoModel: there is no such version.
        """
        if not (self._root / version / MANIFEST).is_file() or Path(version).name != version:
            raise NoModel(f"there is no model version {version!r}: `indiean models list` shows those that exist")
        before = [v for v in self._promotions(required=False) if v != version]
        self._write_promotions([*before, version])

    def roll_back(self) -> str:
        """Puts the version that was in service before back in service, and returns it.

        Raises:
            NoModel: there is none before.
        """
        *before, latest = self._promotions()
        standing = [version for version in before if (self._root / version / MANIFEST).is_file()]
        if not standing:
            raise NoModel(f"there is no version before {latest} to roll back to")
        self._write_promotions(standing)
        return standing[-1]

    def open(self, version: str) -> Served:
        """Checks every byte against the manifest, then maps the matrix into memory.

        Raises:
            NoModel: there is no such version.
            DamagedModel: a file is missing, changed or cut short.
        """
        folder = self._root / version
        if not folder.is_dir():
            raise NoModel(f"there is no model version {version!r}")
        return open_version(folder)

    def open_current(self) -> Served:
        """The version in service, or the latest before it that is whole; what was refused is logged.

        Raises:
            NoModel: nothing has been published, or nothing published is whole.
        """
        for version in reversed(self._promotions()):
            try:
                return self.open(version)
            except (DamagedModel, NoModel) as refused:
                log.warning("model %s is refused: %s", version, refused)
        raise NoModel("every published model is damaged: run `indiean train`")

    def _promotions(self, *, required: bool = True) -> list[str]:
        try:
            found = (self._root / CURRENT).read_text().split()
        except FileNotFoundError:
            found = []
        if required and not found:
            raise NoModel("no model has been trained yet: run `indiean train`")
        return found

    def _write_promotions(self, versions: list[str]) -> None:
        write_atomically(self._root / CURRENT, "\n".join(versions[-KEPT_PROMOTIONS:]) + "\n")


def _name(created: datetime, model: Linear, fingerprint: str) -> str:
    what = f"{created.isoformat()} {model.settings} {model.items.stamp} {fingerprint}"
    return f"{created:%Y%m%dT%H%M%SZ}-{hashlib.sha256(what.encode()).hexdigest()[:6]}"


def _replace_folder(made: Path, place: Path) -> None:
    made.chmod(0o755)  # mkdtemp's folders are private to their owner
    if place.exists():  # the same instant, settings and data: the same model
        shutil.rmtree(place)
    made.rename(place)
    sync(place.parent)
