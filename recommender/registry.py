"""Published models: which versions there are, and which of them is in service.

<root>/current      the versions that were put in service, the latest last, one a line
<root>/<version>/   see version.py
<root>/experiment   see experiments.py
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recommender.catalog import Game
from recommender.confidence import Confidence
from recommender.content import Content
from recommender.errors import DamagedModel, NoModel
from recommender.experiments import Experiments
from recommender.scorer import Scorer
from recommender.served import Served
from recommender.version import (
    MANIFEST,
    Card,
    Fitted,
    Kind,
    open_version,
    read_card,
    sync,
    write_atomically,
    write_catalog,
    write_version,
)

log = logging.getLogger(__name__)

CURRENT = "current"
KEPT_PROMOTIONS = 50
KEPT_CATALOGUES = 3
"""Versions in service that brought a catalogue only and are kept: enough to go back to yesterday's."""


class Registry:
    """Every method blocks. A reader sees a version whole or not at all, whatever a writer is doing.

    `place` puts the scorer of each version that is opened where it shall answer: see `recommender.resident.placed`.
    """

    def __init__(self, root: Path, place: Callable[[Scorer], Scorer] = lambda scorer: scorer) -> None:
        self._root = root
        self._place = place
        self.experiments = Experiments(root, self._alone)

    def publish(
        self,
        model: Fitted,
        catalog: Iterable[Game],
        *,
        created: datetime,
        metrics: Mapping[str, Mapping[str, float]],
        fingerprint: str,
        synthetic: bool,
        players: int,
        content: Content | None = None,
        confidence: Confidence | None = None,
    ) -> Card:
        """Writes a version beside its final place, moves it there in one step, then promotes it.

        Without `content` it recommends no game that it has no players of.
        """
        version = _name(created, model.settings, model.items.stamp, fingerprint)
        about = (created, model.settings, metrics, fingerprint, synthetic, players, len(model.items))
        card = Card(version, *about, kind=Kind.of(model), confidence=confidence)
        self._root.mkdir(parents=True, exist_ok=True)
        with self._new_folder() as folder:
            write_version(folder, card, model, catalog, content)
            _replace_folder(folder, self._root / version)
        self.promote(version)
        return card

    def publish_catalog(self, catalog: Iterable[Game], *, created: datetime) -> Card | None:
        """Puts the version in service again with another catalogue, its matrix shared.

        None, and nothing changes, where that is the catalogue it has. It is made of the version that a start would
        open. Of the versions that brought a catalogue only, the oldest are removed.

        Raises:
            NoModel: nothing has been published, or nothing published is whole.
        """
        games = list(catalog)
        self._promotions()
        with self._alone():  # or a model that is trained meanwhile would be put out of service again
            for base in reversed(self._promotions()):
                try:
                    card = self._with_catalog(base, games, created)
                except DamagedModel as damage:
                    log.warning("model %s is refused: %s", base, damage)
                    continue
                if card is not None:
                    self._promote(card.version)
                    self._prune()
                return card
        raise NoModel("every published model is damaged: run `indiean train`")

    def _with_catalog(self, base: str, games: Sequence[Game], created: datetime) -> Card | None:
        known = read_card(self._root / base)
        version = _name(created, "catalogue of", base)
        card = replace(known, version=version, created=created, matrix_of=known.matrix_of or base)
        with self._new_folder() as folder:
            if not write_catalog(folder, card, self._root / base, games):
                return None
            _replace_folder(folder, self._root / version)
        return card

    def _prune(self) -> None:
        """Leaves the latest of those in service that brought a catalogue only, every model, and what is compared."""
        promoted = self._promotions()
        catalogues = [card.version for card in self.versions() if card.matrix_of is not None]
        kept = {*promoted[-1:], *[version for version in reversed(promoted) if version in catalogues][:KEPT_CATALOGUES]}
        kept |= self.experiments.compared()
        gone = [version for version in catalogues if version not in kept]
        self._write_promotions([version for version in promoted if version not in gone])
        for version in gone:
            shutil.rmtree(self._root / version, ignore_errors=True)

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """A folder beside the versions, gone afterwards unless it was moved to its place."""
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other processes from changing what is in service."""
        handle = os.open(self._root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

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
        with self._alone():
            self._promote(version)

    def _promote(self, version: str) -> None:
        before = [v for v in self._promotions(required=False) if v != version]
        self._write_promotions([*before, version])

    def roll_back(self) -> str:
        """Puts the version that was in service before back in service, and returns it.

        Raises:
            NoModel: there is none before.
        """
        self._promotions()
        with self._alone():
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
        served = open_version(folder)
        return replace(served, scorer=self._place(served.scorer))

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


def _name(created: datetime, *made_of: object) -> str:
    what = " ".join(map(str, (created.isoformat(), *made_of)))
    return f"{created:%Y%m%dT%H%M%SZ}-{hashlib.sha256(what.encode()).hexdigest()[:6]}"


def _replace_folder(made: Path, place: Path) -> None:
    made.chmod(0o755)  # mkdtemp's folders are private to their owner
    if place.exists():  # the same instant, settings and data: the same model
        shutil.rmtree(place)
    made.rename(place)
    sync(place.parent)
