"""Matrices whose own memory cannot hold what becomes of them in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNFIT: dict[str, NDArray[np.floating]] = {
    "float64": np.eye(4),
    "Fortran's order": np.asfortranarray(np.ones((4, 4), np.float32)),
    "strided": np.eye(8, dtype=np.float32)[::2, ::2],
    "not square": np.ones((4, 3), np.float32),
    "read-only": np.broadcast_to(np.float32(1), (1, 1)),
}
