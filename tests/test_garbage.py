"""The search for garbage leaves out what was there before anybody asked."""

from __future__ import annotations

import gc

from bot.hosting.garbage import settled


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

    assert not [one for one in gc.get_objects() if isinstance(one, Node)]
