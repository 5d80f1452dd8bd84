"""The processor is the one asked for, or a refusal that says what to do."""

from __future__ import annotations

import pytest
import torch

from recommender.device import Device, resolve
from recommender.errors import FitFailed

CUDA = torch.cuda.is_available()


def test_a_cpu_is_always_there() -> None:
    assert resolve(Device.CPU) is Device.CPU


def test_auto_takes_cuda_exactly_where_there_is_a_gpu() -> None:
    assert resolve(Device.AUTO) is (Device.CUDA if CUDA else Device.CPU)


@pytest.mark.skipif(not CUDA, reason="there is no CUDA device here")
def test_cuda_is_given_where_there_is_a_gpu() -> None:
    assert resolve(Device.CUDA) is Device.CUDA


@pytest.mark.skipif(CUDA, reason="there is a CUDA device here")
def test_cuda_is_refused_where_there_is_no_gpu_and_the_setting_is_named() -> None:
    with pytest.raises(FitFailed, match="set the device to auto or cpu"):
        resolve(Device.CUDA)


@pytest.mark.parametrize("said", ["auto", "cpu", "cuda"])
def test_a_device_is_called_as_in_the_settings(said: str) -> None:
    assert Device(said).value == said
