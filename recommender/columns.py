"""Columns of text as a few arrays: read from a file at once, and made into strings only where somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.generic]]
Bounds = NDArray[np.int64]

LETTERS = "surrogatepass"
"""A title may hold half of a letter of UTF-16, as JSON can say it, and so may what people type."""


def encoded(text: str) -> bytes:
    return text.encode("utf-8", LETTERS)


@dataclass(frozen=True, eq=False)
class Texts:
    """n strings: number i is `letters[bounds[i]:bounds[i + 1]]` in UTF-8."""

    letters: NDArray[np.uint8]
    bounds: Bounds  # [n + 1]

    @classmethod
    def of(cls, strings: Iterable[str]) -> Texts:
        parts = [encoded(string) for string in strings]
        return cls(np.frombuffer(b"".join(parts), np.uint8), _bounds(map(len, parts)))

    @classmethod
    def read(cls, name: str, tensors: Tensors) -> Texts:
        return cls(np.asarray(tensors[f"{name}.letters"], np.uint8), np.asarray(tensors[f"{name}.bounds"], np.int64))

    def tensors(self, name: str) -> dict[str, NDArray[np.generic]]:
        return {f"{name}.letters": self.letters, f"{name}.bounds": self.bounds}

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __getitem__(self, at: int) -> str:
        return self.letters[self.bounds[at] : self.bounds[at + 1]].tobytes().decode("utf-8", LETTERS)


@dataclass(frozen=True, eq=False)
class Lists:
    """n lists of names: number i is of those at `codes[bounds[i]:bounds[i + 1]]` in `names`, in that order."""

    names: Texts
    codes: NDArray[np.int32]
    bounds: Bounds  # [n + 1]

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]], names: Iterable[str]) -> Lists:
        """`names` are all that any row holds, each once."""
        ordered = list(names)
        code = {name: at for at, name in enumerate(ordered)}
        codes = np.array([code[name] for row in rows for name in row], np.int32)
        return cls(Texts.of(ordered), codes, _bounds(map(len, rows)))

    @classmethod
    def read(cls, name: str, tensors: Tensors) -> Lists:
        codes, bounds = np.asarray(tensors[f"{name}.codes"], np.int32), np.asarray(tensors[f"{name}.bounds"], np.int64)
        return cls(Texts.read(f"{name}.names", tensors), codes, bounds)

    def tensors(self, name: str) -> dict[str, NDArray[np.generic]]:
        return self.names.tensors(f"{name}.names") | {f"{name}.codes": self.codes, f"{name}.bounds": self.bounds}

    def __getitem__(self, at: int) -> tuple[str, ...]:
        return tuple(map(self.names.__getitem__, self.coded(at)))

    def coded(self, at: int) -> list[int]:
        codes: list[int] = self.codes[self.bounds[at] : self.bounds[at + 1]].tolist()
        return codes


def _bounds(lengths: Iterable[int]) -> Bounds:
    return np.concatenate(([0], np.cumsum(np.fromiter(lengths, np.int64))))
