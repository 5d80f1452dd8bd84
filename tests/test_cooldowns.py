"""How often somebody may ask: an exact window for each member and each server, which a restart does not forget."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.cooldowns import Cooldowns
from bot.messages import Person
from storage.logs import Asked
from tests.fakes import NOON

MINUTE = timedelta(minutes=1)
ANN, BOB = Person("discord", "ann"), Person("discord", "bob")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def admitted(cooldowns: Cooldowns, person: Person, server: str | None, seconds: list[float]) -> list[bool]:
    return [cooldowns.admit(person, server, after(second)) is None for second in seconds]


def test_a_member_may_ask_so_often_within_any_minute() -> None:
    cooldowns = Cooldowns(3, 100, MINUTE)

    assert admitted(cooldowns, ANN, None, [0, 30, 50, 59, 60, 61, 90]) == [True, True, True, False, True, False, True]


def test_the_wait_is_until_the_oldest_request_leaves_the_window() -> None:
    cooldowns = Cooldowns(2, 100, MINUTE)
    admitted(cooldowns, ANN, None, [0, 10])

    assert cooldowns.admit(ANN, None, after(25)) == timedelta(seconds=35)


def test_one_who_is_slowed_is_not_kept_waiting_longer_for_trying() -> None:
    cooldowns = Cooldowns(1, 100, MINUTE)

    assert admitted(cooldowns, ANN, None, [0, 20, 40, 59, 60]) == [True, False, False, False, True]


def test_members_and_platforms_have_windows_of_their_own() -> None:
    cooldowns = Cooldowns(1, 100, MINUTE)
    cooldowns.admit(ANN, "den", NOON)

    assert cooldowns.admit(BOB, "den", NOON) is None
    assert cooldowns.admit(Person("slack", "ann"), "den", NOON) is None
    assert cooldowns.admit(ANN, "elsewhere", NOON) == MINUTE


def test_a_server_has_a_window_for_all_of_its_members() -> None:
    cooldowns = Cooldowns(100, 2, MINUTE)
    crowd = [Person("discord", str(number)) for number in range(3)]

    assert [cooldowns.admit(person, "den", NOON) for person in crowd] == [None, None, MINUTE]
    assert cooldowns.admit(crowd[2], None, NOON) is None
    assert cooldowns.admit(crowd[2], "elsewhere", NOON) is None


def test_what_a_full_server_refuses_costs_the_member_nothing() -> None:
    cooldowns = Cooldowns(1, 1, MINUTE)
    cooldowns.admit(BOB, "den", NOON)
    cooldowns.admit(ANN, "den", NOON)

    assert cooldowns.admit(ANN, "elsewhere", NOON) is None


def test_a_primed_window_goes_on_where_it_was() -> None:
    cooldowns = Cooldowns(2, 3, MINUTE)
    cooldowns.prime([Asked("discord", "ann", "den", after(0)), Asked("discord", "ann", None, after(10))])

    assert cooldowns.admit(ANN, None, after(30)) == timedelta(seconds=30)
    assert admitted(cooldowns, BOB, "den", [30, 31]) == [True, True]
    assert cooldowns.admit(Person("discord", "cy"), "den", after(32)) == timedelta(seconds=28)


def test_a_clock_that_was_set_back_shuts_nobody_out_for_longer_than_the_window() -> None:
    cooldowns = Cooldowns(1, 100, MINUTE)
    cooldowns.admit(ANN, None, after(3600))

    assert cooldowns.admit(ANN, None, after(0)) == MINUTE
    assert cooldowns.admit(ANN, None, after(60)) is None


def test_only_those_within_the_window_are_remembered() -> None:
    cooldowns = Cooldowns(5, 100, MINUTE)
    for second in range(1000):
        cooldowns.admit(Person("discord", str(second)), str(second), after(second))

    assert repr(cooldowns) == "Cooldowns(60 members, 60 servers within 0:01:00)"


def test_no_crowd_fills_the_memory() -> None:
    cooldowns = Cooldowns(5, 100, MINUTE, most=10)
    for number in range(1000):
        cooldowns.admit(Person("discord", str(number)), str(number), NOON)

    assert repr(cooldowns).startswith("Cooldowns(10 members, 10 servers")


@given(st.lists(st.floats(0, 300), max_size=60).map(sorted), st.integers(1, 5))
def test_no_window_ever_holds_more_than_its_limit(seconds: list[float], limit: int) -> None:
    cooldowns = Cooldowns(limit, 1000, MINUTE)
    asked = [after(second) for second in seconds]
    kept = [at for at in asked if cooldowns.admit(ANN, None, at) is None]

    assert all(sum(at - MINUTE < other <= at for other in kept) <= limit for at in kept)
    assert bool(kept) == bool(asked)
