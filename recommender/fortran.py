"""BLAS and LAPACK routines that scipy carries, called by their address.

scipy's own wrappers hold the interpreter's lock throughout: a bot that fits or learns in a thread would answer nobody
meanwhile. Every argument is passed by reference, as Fortran wants it. C order is Fortran's transposed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType


def routine(library: ModuleType, name: str, *arguments: type) -> Callable[..., None]:
    """One of `scipy.linalg.cython_blas` or `cython_lapack`.

    https://docs.scipy.org/doc/scipy/reference/linalg.cython_lapack.html
    """
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    capsule = library.__pyx_capi__[name]
    return ctypes.CFUNCTYPE(None, *arguments)(pointer_of(capsule, name_of(capsule)))
