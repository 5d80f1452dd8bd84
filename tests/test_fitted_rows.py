"""What was fitted on is kept whole until its version is retired, and without a name once somebody is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import select, text

from recommender.updates import Learned
from storage import fitted_rows as room
from storage.accounts import Accounts
from storage.database import Database
from storage.facts import Facts
from storage.fitted_rows import FittedRows, Fitting, Rules
from storage.lake.events import player_of
from storage.personal_data import PersonalData
from storage.schema import fitted_rows, player_facts
from storage.server_data import ServerData
from storage.steam.ids import FIRST, SteamID
from storage.warehouse import FEEDBACK, INTERACTIONS
from tests.databases import KINDS, NOON, ready
from tests.warehouses import Opined, Owned, later, table

ADA, GRACE, EVE = (player_of("discord", person) for person in ("ada", "grace", "eve"))
RULES = Rules(min_games=2, opinions=True)


def row(positions: Sequence[int], weights: Sequence[float]) -> Learned:
    return Learned(np.array(positions, np.int32), np.array(weights, np.float32))


def fitting(
    rows: Mapping[str, Learned], owned: Sequence[Owned] = (), opined: Sequence[Opined] = (), rules: Rules = RULES
) -> Fitting:
    return Fitting(rules, rows, table(owned, INTERACTIONS), table(opined, FEEDBACK))


TWO = fitting(
    {ADA: row([0, 2], [1.0, 1.28]), GRACE: row([1], [1.0])},
    [Owned(ADA, 10, 300), Owned(ADA, 30), Owned(GRACE, 20, 5), Owned(EVE, 10, 1)],
    [Opined(ADA, 30, "hide"), Opined(ADA, 40, None, later(3)), Opined(EVE, 50, "like")],
)
"""Of Eve too little is known for a row."""


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def kept(database: Database) -> FittedRows:
    return FittedRows(database)


async def names(database: Database) -> list[tuple[str, int, str | None]]:
    these = select(fitted_rows.c.version, fitted_rows.c.id, fitted_rows.c.player)
    async with database.reading() as connection:
        return [tuple(row) for row in await connection.execute(these.order_by(*fitted_rows.primary_key))]


async def facts(database: Database) -> dict[str, tuple[str, object, object]]:
    async with database.reading() as connection:
        rows = await connection.execute(select(player_facts))
        return {row.player: (row.version, row.games, row.opinions) for row in rows}


async def test_rows_and_facts_come_back_bit_for_bit(kept: FittedRows) -> None:
    await kept.keep("v1", 0, TWO)

    known = await kept.of("v1", [ADA, GRACE, EVE, "bot-nobody"])

    assert known is not None
    assert known.rules == RULES
    assert known.fitted.keys() == {ADA, GRACE}
    assert all(known.fitted[player].row.same_as(TWO.rows[player]) for player in known.fitted)
    assert known.facts == {
        ADA: Facts({10: 300, 30: 0}, {30: (later(0), "hide"), 40: (later(3), None)}),
        GRACE: Facts({20: 5}),
        EVE: Facts({10: 1}, {50: (later(0), "like")}),
    }


async def test_each_version_has_its_own_rows_and_one_that_is_not_kept_has_none(kept: FittedRows) -> None:
    await kept.keep("v1", 0, TWO)
    await kept.keep("v2", 0, fitting({ADA: row([5], [2.0])}, [Owned(ADA, 10, 400)]))

    one, two = await kept.of("v1", [ADA]), await kept.of("v2", [ADA])

    assert one is not None
    assert two is not None
    assert one.fitted[ADA].row.same_as(TWO.rows[ADA])
    assert two.fitted[ADA].row.same_as(row([5], [2.0]))
    assert one.facts[ADA].minutes == two.facts[ADA].minutes == {10: 400}
    assert await kept.of("v3", [ADA]) is None
    assert (await kept.kept("v1"), await kept.kept("v3")) == (True, False)


async def test_of_many_players_some_a_transaction_none_is_left_out(
    kept: FittedRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PLAYERS", 3)
    many = {f"bot-{number}": row([number], [1.0]) for number in range(10)}

    await kept.keep("v1", 0, fitting(many, [Owned(player, 10) for player in many]))

    found = await kept.all("v1")
    assert {name: each.row.positions.tolist() for name, each in found} == {
        f"bot-{number}": [number] for number in range(10)
    }
    assert sorted(each.id for _, each in found) == list(range(10))


async def test_what_was_cut_off_is_not_there_until_it_is_kept_again(kept: FittedRows, database: Database) -> None:
    await kept.keep("v1", 0, TWO)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE fitted_versions SET whole = false"))
        await connection.execute(text("DELETE FROM fitted_rows WHERE id = 1"))

    cut = await kept.of("v1", [ADA])
    await kept.keep("v1", 0, TWO)

    again = await kept.of("v1", [ADA, GRACE])
    assert cut is None
    assert again is not None
    assert again.fitted.keys() == {ADA, GRACE}


async def test_an_older_fit_that_is_kept_late_does_not_bring_back_what_was_known_then(kept: FittedRows) -> None:
    await kept.keep("v2", 0, fitting({}, [Owned(ADA, 10, 400)]))
    await kept.keep("v1", 0, TWO)

    known = await kept.of("v2", [ADA, GRACE])

    assert known is not None
    assert known.facts == {ADA: Facts({10: 400}), GRACE: Facts({20: 5})}


async def test_a_later_fit_lets_go_of_who_is_no_longer_in_the_warehouse(kept: FittedRows, database: Database) -> None:
    await kept.keep("v1", 0, TWO)
    await kept.keep("v2", 0, fitting({}, [Owned(ADA, 10, 400)]))

    assert await facts(database) == {ADA: ("v2", [[10, 400]], [])}


async def test_versions_that_are_gone_keep_nothing(kept: FittedRows, database: Database) -> None:
    for version in ("v1", "v2", "v3"):
        await kept.keep(version, 0, TWO)

    gone = await kept.retire({"v2", "v9"})

    assert gone == ["v1", "v3"]
    assert {version for version, _, _ in await names(database)} == {"v2"}
    assert await kept.of("v1", [ADA]) is None
    assert await kept.retire({"v2"}) == []


async def test_who_has_all_erased_loses_the_name_of_the_row_and_all_that_was_known(
    kept: FittedRows, database: Database
) -> None:
    for version in ("v1", "v2"):
        await kept.keep(version, 0, TWO)

    erased = await PersonalData(database).erase("discord", "ada", NOON)

    assert erased == {"player_facts": 1}
    assert await names(database) == [("v1", 0, None), ("v1", 1, GRACE), ("v2", 0, None), ("v2", 1, GRACE)] or (
        await names(database) == [("v1", 0, GRACE), ("v1", 1, None), ("v2", 0, GRACE), ("v2", 1, None)]
    )
    assert (await facts(database)).keys() == {GRACE, EVE}
    (out,) = await kept.rows("v1", await kept.forgotten("v1"))
    assert out.row.same_as(TWO.rows[ADA])
    assert out.key == f"fitted {out.id}"


async def test_who_unlinks_leaves_only_what_is_known_of_their_opinions(kept: FittedRows, database: Database) -> None:
    await Accounts(database).link("discord", "ada", SteamID(FIRST + 1), "said", NOON)
    await kept.keep("v1", 0, TWO)

    await Accounts(database).unlink("discord", "ada", NOON)

    known = await kept.of("v1", [ADA])
    assert known is not None
    assert known.fitted == {}
    assert known.facts == {ADA: Facts({}, {30: (later(0), "hide"), 40: (later(3), None)})}
    assert len(await kept.forgotten("v1")) == 1


async def test_a_server_that_goes_takes_its_people_with_it(kept: FittedRows, database: Database) -> None:
    member = player_of("slack", "T1:U1")
    await Accounts(database).link("slack", "T1:U1", SteamID(FIRST + 1), "said", NOON)
    await kept.keep("v1", 0, fitting({member: row([0], [1.0])}, [Owned(member, 10), Owned(ADA, 10)]))

    await ServerData(database).erase("slack", "T1", NOON)

    assert await names(database) == [("v1", 0, None)]
    assert (await facts(database)).keys() == {ADA}


async def test_who_is_erased_while_a_model_is_fitted_is_not_named_by_it(kept: FittedRows, database: Database) -> None:
    """Erased after what the fit had heard, and before its rows are kept."""
    await PersonalData(database).erase("discord", "ada", NOON)
    await kept.keep("v1", 0, TWO)
    await kept.keep("v2", 1, TWO)  # which had heard of it: there is a new Ada in the warehouse

    assert [player for version, _, player in await names(database) if version == "v1"].count(None) == 1
    assert [player for version, _, player in await names(database) if version == "v2"].count(None) == 0
    known = await kept.of("v1", [ADA])
    assert known is not None
    assert known.fitted == {}


async def test_facts_of_who_is_erased_meanwhile_do_not_come_back(kept: FittedRows, database: Database) -> None:
    await PersonalData(database).erase("discord", "ada", NOON)

    await kept.keep("v1", 0, TWO)

    assert (await facts(database))[ADA] == ("v1", [], [])


async def test_7000_games_are_kept(kept: FittedRows) -> None:
    games = range(1, 7001)
    wide = row(games, [1.0] * 7000)

    await kept.keep("v1", 0, fitting({ADA: wide}, [Owned(ADA, app_id, app_id) for app_id in games]))

    known = await kept.of("v1", [ADA])
    assert known is not None
    assert known.fitted[ADA].row.same_as(wide)
    assert known.facts[ADA].minutes == {app_id: app_id for app_id in games}


def test_players_without_a_row_are_among_those_of_whom_something_is_known() -> None:
    assert TWO.players() == sorted([ADA, GRACE, EVE])
    assert fitting({}).players() == []
    assert isinstance(TWO.interactions, pa.Table)
