"""Threads take short turns while the bot serves, and Python's own afterwards."""

from __future__ import annotations

import sys

import pytest

from bot.hosting.turns import short_turns


def test_turns_are_short_meanwhile_and_as_they_were_afterwards() -> None:
    before = sys.getswitchinterval()
    with short_turns(0.001):
        meanwhile = sys.getswitchinterval()

    assert meanwhile == pytest.approx(0.001)
    assert sys.getswitchinterval() == before
