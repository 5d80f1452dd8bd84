"""The search for garbage leaves out what was there before anybody asked, and what is freed is handed back."""

from __future__ import annotations

import gc
import os
import platform
from pathlib import Path

import pytest

from bot.hosting.garbage import hand_back, settled


class Node:
    """Two of them refer to each other."""

    def __init__(self) -> None:
        self.other: Node | None = None


def searched(node: Node) -> bool:
    return any(one is node for one in gc.get_objects())


def test_what_is_there_is_not_searched_meanwhile_and_what_comes_is() -> None:
    before = Node()
    with settled():
        after = Node()
        during = searched(before), searched(after)

    assert during == (False, True)
    assert searched(before)


def test_what_is_garbage_already_is_not_kept() -> None:
    first, second = Node(), Node()
    first.other, second.other = second, first
    del first, second
    with settled():
        pass

    assert not [one for one in gc.get_objects() if type(one) is Node]


def resident() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library hands back by itself or not at all")
def test_what_is_freed_below_something_in_use_goes_back_to_the_machine() -> None:
    *many, last = [b"%d" % number * 1000 for number in range(20_000)]
    size = sum(map(len, many))
    del many
    before = resident()
    hand_back()

    assert before - resident() > size / 2
    assert last == b"19999" * 1000
