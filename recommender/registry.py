"""Published models: which versions there are, and which of them is in service.

<root>/current      the versions that were put in service, the latest last, one a line
<root>/<version>/   see version.py
<root>/experiment   see experiments.py
<root>/.writing     locked by whoever writes a version, shared with others who do
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
from recommender.evidence import Evidence
from recommender.experiments import Experiments
from recommender.scorer import Scorer
from recommender.served import Served
from recommender.version import (
    CANDIDATE,
    MANIFEST,
    Card,
    Fitted,
    Kind,
    open_version,
    read_card,
    read_evidence,
    sync,
    write_atomically,
    write_catalog,
    write_version,
)

log = logging.getLogger(__name__)

CURRENT, WRITING = "current", ".writing"
BEING_WRITTEN = ".new-"
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
        heard: tuple[str, int] | None = None,
        evidence: Evidence | None = None,
        rows: int | None = None,
        recipe: str | None = None,
        promote: bool = True,
    ) -> Card:
        """Writes a version beside its final place, moves it there in one step, then promotes it.

        Without `content` it recommends no game that it has no players of. `heard` is a lake and its last event that the
        fit knows of. Without `promote` it is a candidate: nobody is answered by it, and it is swept away again unless
        it is put in service.
        """
        version = _name(created, model.settings, model.items.stamp, fingerprint)
        about = (created, model.settings, metrics, fingerprint, synthetic, players, len(model.items))
        lake, upto = heard or (None, None)
        card = Card(
            version,
            *about,
            kind=Kind.of(model),
            confidence=confidence,
            lake=lake,
            upto=upto,
            fitted=created,
            rows=rows,
            recipe=recipe,
        )
        self._root.mkdir(parents=True, exist_ok=True)
        with self._new_folder() as folder:
            write_version(folder, card, model, catalog, content, evidence)
            if not promote and version not in self._promotions(required=False):
                (folder / CANDIDATE).touch()
            _replace_folder(folder, self._root / version)
        if promote:
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
        card = replace(known, version=version, created=created, matrix_of=known.base)
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
        self._remove(version for version in catalogues if version not in kept | self.experiments.compared())

    def keep(self, models: int) -> list[str]:
        """Removes all models but the newest so many, and says which.

        What is in service stays, with the latest that was in service before it and had another matrix; so do
        candidates, versions of an experiment and those that brought a catalogue only.
        """
        if not self._root.is_dir():
            return []
        with self._alone():
            cards = {card.version: card for card in self.versions()}
            matrices = [version for version, card in cards.items() if card.matrix_of is None]
            settled = [version for version in matrices if not (self._root / version / CANDIDATE).exists()]
            kept = {*settled[:models], *self._in_service_and_before(cards), *self.experiments.compared()}
            return self._remove(version for version in settled if version not in kept)

    def _in_service_and_before(self, cards: Mapping[str, Card]) -> list[str]:
        standing = [version for version in self._promotions(required=False) if version in cards]
        if not standing:
            return []
        matrix = cards[standing[-1]].base
        before = [version for version in standing if cards[version].base != matrix]
        return [standing[-1], matrix, *standing[-2:-1], *before[-1:]]

    def discard(self, version: str) -> None:
        """Removes a candidate that shall not be in service.

        Raises:
            NoModel: there is no such candidate.
        """
        with self._alone():
            if version not in self.candidates():
                raise NoModel(f"there is no candidate {version!r} to remove")
            self._remove([version])

    def candidates(self) -> list[str]:
        """The versions of which nobody has decided yet whether they shall be in service."""
        promoted = self._promotions(required=False)
        marked = (path.parent.name for path in self._root.glob(f"*/{CANDIDATE}"))
        return sorted(version for version in marked if not version.startswith(".") and version not in promoted)

    def sweep(self) -> list[str]:
        """Removes candidates that nobody decided about, and what was half written by whoever was killed meanwhile.

        Versions of an experiment stay. While anybody is writing, what is half written stays for the next time.
        """
        if not self._root.is_dir():
            return []
        with self._alone():
            candidates = self.candidates()
            gone = self._remove(set(candidates) - self.experiments.compared())
        with self._writing(fcntl.LOCK_EX | fcntl.LOCK_NB) as nobody_else:
            left = list(self._root.glob(f"{BEING_WRITTEN}*")) if nobody_else else []
            for folder in left:
                shutil.rmtree(folder, ignore_errors=True)
        return [*gone, *(folder.name for folder in left)]

    def _remove(self, versions: Iterable[str]) -> list[str]:
        gone = sorted(versions)
        if gone:
            promoted = self._promotions(required=False)
            left = [version for version in promoted if version not in gone]
            if left != promoted:
                self._write_promotions(left)
            for version in gone:
                shutil.rmtree(self._root / version, ignore_errors=True)
        return gone

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """A folder beside the versions, gone afterwards unless it was moved to its place."""
        with self._writing(fcntl.LOCK_SH):
            folder = Path(tempfile.mkdtemp(prefix=BEING_WRITTEN, dir=self._root))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _writing(self, how: int) -> Iterator[bool]:
        """Whether the lock was had; it ends with the process, however that ends."""
        handle = os.open(self._root / WRITING, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, how)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)

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

    def shared(self) -> dict[str, str]:
        """By version that brought a catalogue only, the one whose matrix it shares."""
        return {card.version: card.matrix_of for card in self.versions() if card.matrix_of is not None}

    def fitted(self, version: str) -> datetime | None:
        """When its matrix was: a version may have brought a catalogue only. None where nothing says so any more."""
        try:
            card = self.card(version)
            return card.fitted or self.card(card.base).created  # of old, versions did not say it themselves
        except DamagedModel:
            return None

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
        (self._root / version / CANDIDATE).unlink(missing_ok=True)
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

    def card(self, version: str) -> Card:
        """What a version says of itself, its files unchecked.

        Raises:
            DamagedModel: it is not there, or its manifest is not as it was written.
        """
        return read_card(self._root / version)

    def evidence(self, version: str) -> Evidence | None:
        """What the version's own evaluation found, player by player; None where it has none.

        Raises:
            DamagedModel: a file is missing, changed or cut short.
        """
        return read_evidence(self._root / version)

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
