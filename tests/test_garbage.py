"""The search for garbage leaves out what was there before anybody asked, and nothing else."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

from bot.hosting.garbage import settled
from bot.hosting.opening import opened
from storage.duckdb.warehouse import DuckDBWarehouse
from tests.stocked_store import import_world, publish_world


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


def test_what_comes_later_and_grows_old_is_searched_before_much_more_does() -> None:
    with settled():
        first, second = Node(), Node()
        first.other, second.other = second, first
        gc.collect(1)  # both are old now
        gone = weakref.ref(first)
        del first, second
        for _ in range(400):  # each is a search of the young, every eleventh of the older, every hundredth of the old
            _ = [[number] for number in range(800)]

    assert gone() is None


def test_a_model_that_is_opened_hides_nothing_from_the_search(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "warehouse.duckdb") as warehouse:
        import_world(warehouse)
        registry, card = publish_world(tmp_path, warehouse)
    with settled():
        node = Node()
        opened(registry, card.version)

        assert searched(node)
