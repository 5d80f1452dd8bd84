"""What does not fit into memory is refused with the number that does."""

from __future__ import annotations

import pytest

from recommender.errors import FitFailed
from recommender.room import Need, check_room, cpu_need, dual_need, gpu_need, most_games

NEEDS: dict[str, Need] = {"cpu": cpu_need(4_400_000), "dual": dual_need(5_000, 400_000), "gpu": gpu_need}


@pytest.mark.parametrize("name", NEEDS)
def test_the_most_games_fit_and_one_more_does_not(name: str) -> None:
    need, room = NEEDS[name], 24 << 30

    most = most_games(room, need)

    assert need(most) <= room < need(most + 1)
    check_room(most, room, need)
    with pytest.raises(FitFailed, match=rf"{most + 1:,} games .* enough for {most:,}"):
        check_room(most + 1, room, need)


def test_100_000_games_fit_a_card_of_80_gb() -> None:
    assert most_games(80_000_000_000, gpu_need) > 100_000


@pytest.mark.parametrize("name", NEEDS)
def test_every_need_holds_one_matrix_and_grows_with_the_games(name: str) -> None:
    found = [NEEDS[name](games) for games in (1, 1_000, 10_000, 100_000)]

    assert found == sorted(found)
    assert 4 * 100_000**2 < found[-1] < 1.1 * 4 * 100_000**2


def test_where_nobody_knows_the_room_nothing_is_refused() -> None:
    check_room(10**6, None, gpu_need)


def test_no_room_at_all_is_enough_for_no_games() -> None:
    assert most_games(0, gpu_need) == 0
