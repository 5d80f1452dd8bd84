"""Which processor fits the model: `auto` takes a CUDA GPU where there is one."""

from __future__ import annotations

import ctypes
from enum import StrEnum

from recommender.errors import FitFailed


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def resolve(wanted: Device) -> Device:
    """CPU or CUDA.

    Raises:
        FitFailed: CUDA was asked for and there is none.
    """
    if wanted is Device.CPU:
        return Device.CPU
    if _driver_present() and _torch_sees_cuda():
        return Device.CUDA
    if wanted is Device.CUDA:
        raise FitFailed("no CUDA device was found: set the device to auto or cpu, or install the NVIDIA driver")
    return Device.CPU


def _driver_present() -> bool:
    """Asked first because importing torch takes seconds that a machine without a GPU need not spend."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _torch_sees_cuda() -> bool:
    import torch  # noqa: PLC0415 - see above

    return bool(torch.cuda.is_available())
