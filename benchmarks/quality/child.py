"""One model in a process of its own: fits on the split in a folder and leaves its ranked lists there.

    PYTHON -m benchmarks.quality.child MODEL FOLDER

Every model runs so, each in an interpreter that has it: it needs numpy, scipy, pydantic and rapidfuzz beside the
model's package. `FOLDER` has setting.json, and by `write` train.npz, masks.npz and a file for each library; by `read`
the parent has the lists, int32 [s x 100], and what the fit took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.quality.models import MODELS
from benchmarks.quality.peers import Score
from benchmarks.quality.questions import Ranked, Rows, Shown, lists
from benchmarks.watched import memory
from recommender.evaluate import PLAYERS_AT_ONCE, best
from recommender.shelf import Mask


@dataclass(frozen=True)
class Cost:
    """`peak` is the most that was resident, in MiB, data and interpreter included."""

    fit_seconds: float
    score_seconds: float
    peak: float


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    model = next(model for model in MODELS if model.name == name)
    train, masks, shown = _opened(folder)
    began = time.perf_counter()
    setting = json.loads((folder / "setting.json").read_text())
    score = model.fit(train, setting | {"indie": masks["indie"]} if model.informed else setting)
    fitted = time.perf_counter()
    ranked = rank(score, shown, masks)
    cost = Cost(fitted - began, time.perf_counter() - fitted, memory("VmHWM") / 2**20)
    np.savez(folder / "ranked.npz", **ranked)  # type: ignore[arg-type] # numpy's stubs want allow_pickle among them
    (folder / "cost.json").write_text(json.dumps(asdict(cost)))


def rank(score: Score, shown: Mapping[str, Shown], masks: Mapping[str, Mask]) -> dict[str, Ranked]:
    """Every list that is asked for, by `Question.listed`; a library is scored once for all of its lists.

    Raises:
        ValueError: the model gave a score that is no number.
    """
    found: dict[str, list[Ranked]] = {}
    for library, asked in lists().items():
        if library not in shown:
            continue
        one = shown[library]
        for start in range(0, len(one.players), PLAYERS_AT_ONCE):
            some = slice(start, start + PLAYERS_AT_ONCE)
            scores = score(one.folded[some])  # [b x n]
            if np.isnan(scores).any():
                raise ValueError("a score is not a number")
            excluded = one.excluded[some]
            rows = np.repeat(np.arange(excluded.shape[0]), np.diff(excluded.indptr))
            scores[rows, excluded.indices] = -np.inf  # games of no minutes, too, which `nonzero` passes over
            for mask in asked:
                found.setdefault(f"{library}-{mask}", []).append(_among(scores, masks[mask]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def write(folder: Path, train: Rows, masks: Mapping[str, Mask], shown: Mapping[str, Shown]) -> None:
    sparse.save_npz(folder / "train.npz", train, compressed=False)
    np.savez(folder / "masks.npz", **masks)  # type: ignore[arg-type] # the same
    for name, one in shown.items():
        sparse.save_npz(folder / f"folded-{name}.npz", one.folded, compressed=False)
        sparse.save_npz(folder / f"excluded-{name}.npz", one.excluded, compressed=False)


def read(folder: Path) -> tuple[dict[str, Ranked], Cost]:
    with np.load(folder / "ranked.npz") as ranked:
        return dict(ranked), Cost(**json.loads((folder / "cost.json").read_text()))


def _opened(folder: Path) -> tuple[Rows, dict[str, Mask], dict[str, Shown]]:
    with np.load(folder / "masks.npz") as file:
        masks = dict(file)
    shown = {}
    for path in sorted(folder.glob("folded-*.npz")):
        name = path.stem.removeprefix("folded-")
        folded = _rows(path)
        shown[name] = Shown(folded, _rows(folder / f"excluded-{name}.npz"), np.arange(folded.shape[0]))
    return _rows(folder / "train.npz"), masks, shown


def _rows(path: Path) -> Rows:
    return sparse.csr_matrix(sparse.load_npz(path))


def _among(scores: np.ndarray[tuple[int, int], np.dtype[np.float32]], mask: Mask) -> Ranked:
    """Lists of positions among all games, of those that the mask allows."""
    allowed = np.flatnonzero(mask).astype(np.int32)
    if not len(allowed):
        return np.full((len(scores), 100), -1, np.int32)
    ranked = best(scores if len(allowed) == len(mask) else scores[:, allowed])
    return np.where(ranked >= 0, allowed[np.maximum(ranked, 0)], np.int32(-1))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # LensKit and torch leave threads that would be waited for
