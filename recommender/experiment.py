"""Two published versions that answer side by side, to learn from what people do which of them serves them better."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from recommender.errors import DamagedModel, ExperimentRefused

DAMAGED = "what is being compared cannot be read: `indiean models experiment --stop` ends it"


class By(StrEnum):
    """`halves`: each person has answers of one of the two (A/B). `interleaving`: each list has picks of both."""

    HALVES = "halves"
    INTERLEAVING = "interleaving"


@dataclass(frozen=True, slots=True)
class Experiment:
    """`a` and `b` are versions, `a` the one to compare with; `since` is aware."""

    id: str
    a: str
    b: str
    by: By
    since: datetime

    @property
    def versions(self) -> tuple[str, str]:
        return self.a, self.b

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"by": str(self.by), "since": self.since.isoformat()}

    def side_of(self, person: str) -> str:
        """The version that this person has, always the same: a hash salted by the experiment's id.

        Without the salt the same people would be on the same side of every experiment, and what one has done to them
        would be taken for what the next one does (Kohavi, Tang and Xu 2020, chapter 14).
        """
        return self.versions[_number(self.id, person) % 2]

    def coin_for(self, answer: str) -> Callable[[], bool]:
        """Flips that are the same whenever this answer is made."""
        random = np.random.default_rng(_number(self.id, answer))
        return lambda: bool(random.random() < 0.5)  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for an answer: `person` and `answer` are ids, unique and the caller's.

    `versions` are those that the first page was made of, where this is a later one; empty for a first page.
    """

    person: str
    answer: str
    versions: tuple[str, ...] = ()


def new_experiment(a: str, b: str, by: By, since: datetime) -> Experiment:
    """Raises ExperimentRefused where there is nothing to compare."""
    if a == b:
        raise ExperimentRefused(f"{a} against itself shows nothing: name two versions, see `indiean models list`")
    return Experiment(hashlib.sha256(f"{since.isoformat()} {a} {b} {by}".encode()).hexdigest()[:8], a, b, by, since)


def written(experiment: Experiment) -> str:
    return json.dumps(experiment.as_dict(), indent=2) + "\n"


def read(text: str) -> Experiment:
    """Raises DamagedModel where this is none."""
    try:
        said = json.loads(text)
        name, a, b = (str(said[key]) for key in ("id", "a", "b"))
        found = Experiment(name, a, b, By(said["by"]), datetime.fromisoformat(said["since"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedModel(DAMAGED) from error
    if found.since.utcoffset() is None:
        raise DamagedModel(DAMAGED)
    return found


def _number(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:8], "big")
