"""What the benchmark and the tuning are asked on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality import results
from benchmarks.quality.models import MODELS, Model

FIRST_SEED = 42


@dataclass(frozen=True)
class Wanted:
    """`players` at random, None for all; `pythons` says which interpreter has a package that this one has not."""

    files: list[Path]
    models: Sequence[Model]
    seeds: Sequence[int]
    players: int | None
    pythons: Mapping[str, str]
    out: Path

    def python(self, model: Model) -> str:
        return self.pythons.get(model.package or "", sys.executable)


def arguments(usage: str) -> Wanted:
    """Models whose package is nowhere are left out, which is said on the error output."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[model.name for model in MODELS], default=[])
    parser.add_argument("--players", type=int, help="so many at random instead of all")
    parser.add_argument("--peer-python", nargs="+", metavar="PACKAGE=PATH", default=[])
    chosen = parser.parse_args()
    pythons = dict(pair.split("=", 1) for pair in chosen.peer_python)
    seeds = range(FIRST_SEED, FIRST_SEED + chosen.seeds)
    wanted = Wanted(chosen.files, MODELS, seeds, chosen.players, pythons, chosen.out)
    asked = [model for model in MODELS if model.name in (chosen.only or [one.name for one in MODELS])]
    return Wanted(
        wanted.files, [model for model in asked if _there(model, wanted)], seeds, chosen.players, pythons, chosen.out
    )


def _there(model: Model, wanted: Wanted) -> bool:
    if model.package is None or results.version(model, wanted.python(model)):
        return True
    hint = f"--peer-python {model.package}=PATH"
    print(f"{model.name} is left out: {model.package} is not installed ({hint})", file=sys.stderr)
    return False
