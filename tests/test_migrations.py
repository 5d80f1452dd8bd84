"""The migrations lead from nothing to the very tables of the schema, and back, whoever else migrates meanwhile."""

from __future__ import annotations

import ast
import asyncio
import io
import shutil
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Text, bindparam, create_engine, inspect, text

from storage.accounts import Accounts
from storage.database import Database, migrating, migrations
from storage.database_url import driver_url
from storage.errors import DatabaseError, DatabaseUnavailable
from storage.feedback import Feedback, Opinion
from storage.lake.days import no_partition
from storage.logs import Counts, Impression, Logs, PastAnswer
from storage.personal_data import PersonalData
from storage.schema import UtcDateTime, metadata
from storage.steam.ids import FIRST, SteamID
from tests.databases import KINDS, NOON, empty, migrated, sqlite_url
from tests.test_logs import asked

PATIENCE = 10.0
OURS = set(metadata.tables)
HEAD = ScriptDirectory.from_config(migrations()).get_current_head()
Seen = TypeVar("Seen")


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty(request.param, tmp_path) as ready:
        yield ready


@pytest.fixture
def written(tmp_path: Path) -> Config:
    """A copy of the migrations that a test may add to."""
    folder = tmp_path / "migrations"
    shutil.copytree(
        migrations().get_main_option("script_location") or "", folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(folder))
    return config


async def see(url: str, look: Callable[[Connection], Seen]) -> Seen:
    async with migrating(driver_url(url), PATIENCE) as connection:
        return await connection.run_sync(look)


async def do(url: str, statement: str) -> None:
    async with migrating(driver_url(url), PATIENCE) as connection:
        await connection.execute(text(statement))


async def tables(url: str) -> set[str]:
    found = await see(url, lambda connection: set(inspect(connection).get_table_names()))
    return {name for name in found if no_partition(name, "table", {})} - {"alembic_version"}


async def differences(url: str) -> list[object]:
    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"include_name": no_partition})
        return list(compare_metadata(context, metadata))

    return await see(url, compare)


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    return await see(url, lambda connection: [tuple(row) for row in connection.execute(text(query))])


async def downgrade(url: str, to: str = "base") -> None:
    config = migrations()
    config.attributes["url"] = driver_url(url)
    await asyncio.to_thread(command.downgrade, config, to)


async def upgrade(url: str, to: str) -> None:
    config = migrations()
    config.attributes["url"] = driver_url(url)
    await asyncio.to_thread(command.upgrade, config, to)


async def test_the_migrated_tables_are_those_of_the_schema(url: str) -> None:
    async with migrated(url):
        found = await differences(url)

    assert found == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX ix_requests_at",
        "ALTER TABLE reactions RENAME COLUMN kind TO sort",
        "ALTER TABLE feedback ADD COLUMN why TEXT",
    ],
)
async def test_a_difference_between_tables_and_schema_would_be_seen(url: str, change: str) -> None:
    async with migrated(url):
        await do(url, change)
        found = await differences(url)

    assert found != []


async def test_up_down_and_up_again(url: str) -> None:
    async with migrated(url) as database:
        up = await tables(url)
        await downgrade(url)
        down = await tables(url)
        await database.migrate()

        assert (up, down) == (OURS, set())
        assert await tables(url) == OURS
        assert await differences(url) == []


IN_0001 = (
    "INSERT INTO requests VALUES ('request-1', :at, 'discord', 'ada', 'recommend', '{}', 'answered', 41, NULL, 1)",
    "INSERT INTO impressions VALUES ('request-1', 1, 10, 0.5)",
    "INSERT INTO reactions VALUES ('reaction-1', :at, 'discord', 'ada', 10, 'hide', 'request-1')",
    "INSERT INTO hidden_games VALUES ('discord', 'ada', 10, :at)",
    "INSERT INTO hidden_games VALUES ('slack', 'ada', 20, :at)",
)
"""What somebody wrote before there were opinions, places and pages."""


async def filled_as_of_0001(url: str) -> None:
    await upgrade(url, "0001")
    async with migrating(driver_url(url), PATIENCE) as connection:
        for statement in IN_0001:
            moment = [bindparam("at", asked(1).at, UtcDateTime())] if ":at" in statement else []
            await connection.execute(text(statement).bindparams(*moment))


async def test_what_was_written_before_0002_is_read_after_it(url: str) -> None:
    await filled_as_of_0001(url)
    async with migrated(url) as database:
        answer = await Logs(database).answer("request-1")
        opinions = [await Feedback(database).of(platform, "ada") for platform in ("discord", "slack")]
        since = [row["since"] for row in (await PersonalData(database).of("discord", "ada"))["feedback"]]

    request = replace(asked(1), options={}, picks=1, model_version=None)
    assert answer == PastAnswer(request, (Impression(1, 10, 0.5),))
    assert opinions == [{10: Opinion.HIDE}, {20: Opinion.HIDE}]
    assert since == [asked(1).at.isoformat()]


async def test_going_back_to_0001_keeps_what_it_has_a_place_for(url: str) -> None:
    tables_of_0001 = ("requests", "impressions", "reactions", "hidden_games")
    await filled_as_of_0001(url)
    before = [await rows(url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables_of_0001]  # noqa: S608
    async with migrated(url) as database:
        await Feedback(database).toggle("discord", "ada", 30, Opinion.LIKE, NOON)
        await Accounts(database).link("discord", "ada", SteamID(FIRST + 1), "said", NOON)
        await do(url, "DELETE FROM reactions WHERE kind = 'like'")
    await downgrade(url, "0001")
    after = [await rows(url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables_of_0001]  # noqa: S608

    assert after == before
    assert await tables(url) == set(tables_of_0001)


async def test_going_back_to_0002_takes_away_what_came_later_and_nothing_else(url: str) -> None:
    async with migrated(url) as database:
        await Logs(database).record(asked(1), (Impression(1, 10, 0.5),))
    await downgrade(url, "0002")
    left = await tables(url)
    async with migrated(url) as database:
        counts = await Logs(database).counts()

    of_0003_to_0005 = {"slack_bots", "slack_oauth_states", "lake_events", "lake_sequence"}
    assert left == OURS - of_0003_to_0005 - {"fitted_rows", "fitted_versions", "player_facts"}
    assert counts == Counts(requests=1, impressions=1, reactions=0, people=1)


async def test_there_and_back_again_hidden_games_are_still_hidden(url: str) -> None:
    async with migrated(url) as database:
        for app_id, opinion in ((10, Opinion.HIDE), (20, Opinion.OWN), (30, Opinion.LIKE)):
            await Feedback(database).toggle("discord", "ada", app_id, opinion, NOON)
    await downgrade(url, "0001")
    hidden = await rows(url, "SELECT platform, person, app_id FROM hidden_games")
    async with migrated(url) as database:
        opinions = await Feedback(database).of("discord", "ada")

    assert hidden == [("discord", "ada", 10)]
    assert opinions == {10: Opinion.HIDE}


async def test_migrating_what_is_migrated_keeps_every_row(url: str) -> None:
    async with migrated(url) as database:
        await Logs(database).record(asked(1), (Impression(1, 10, 0.5),))
        await database.migrate()

        assert await Logs(database).counts() == Counts(requests=1, impressions=1, reactions=0, people=1)


async def test_several_in_one_process_may_migrate_at_once(url: str) -> None:
    several = [Database(url) for _ in range(4)]
    await asyncio.gather(*(database.migrate() for database in several))
    await asyncio.gather(*(database.close() for database in several))

    assert await differences(url) == []


async def test_migrating_waits_for_whoever_migrates_and_finds_it_done(url: str) -> None:
    def upgrade(connection: Connection) -> None:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database = Database(url)
    async with migrating(driver_url(url), PATIENCE) as connection:
        await connection.run_sync(upgrade)
        waiting = asyncio.create_task(database.migrate())
        await asyncio.wait({waiting}, timeout=0.3)
        waited = not waiting.done()
    await waiting
    await database.close()

    assert waited
    assert await differences(url) == []


async def test_processes_may_migrate_at_once(url: str) -> None:
    migrate = "import asyncio, sys; from storage.database import Database; asyncio.run(Database(sys.argv[1]).migrate())"
    root = Path(__file__).parents[1]
    several = [await asyncio.create_subprocess_exec(sys.executable, "-c", migrate, url, cwd=root) for _ in range(3)]
    async with asyncio.timeout(60):
        statuses = await asyncio.gather(*(process.wait() for process in several))

    assert statuses == [0, 0, 0]
    assert await differences(url) == []


async def test_tables_newer_than_this_code_are_not_touched(url: str) -> None:
    async with migrated(url) as database:
        await do(url, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(DatabaseError, match="9999") as refused:
            await database.migrate()

        assert not isinstance(refused.value, DatabaseUnavailable)
        assert await tables(url) == OURS


BROKEN = f"""
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{HEAD}"


def upgrade() -> None:
    op.create_table("half_way", sa.Column("id", sa.Text(), primary_key=True))
    raise RuntimeError("the migration broke off")
"""


async def test_a_migration_that_breaks_off_leaves_the_tables_as_they_were(url: str, written: Config) -> None:
    versions = f"{written.get_main_option('script_location')}/versions"
    await asyncio.to_thread(Path(versions, "9998_broken.py").write_text, BROKEN)
    written.attributes["url"] = driver_url(url)
    async with migrated(url):
        with pytest.raises(RuntimeError, match="broke off"):
            await asyncio.to_thread(command.upgrade, written, "head")
        version = await see(url, lambda connection: connection.scalar(text("SELECT version_num FROM alembic_version")))

        assert version == HEAD
        assert await tables(url) == OURS


async def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(url: str) -> None:
    def add_a_column_by_rebuilding(connection: Connection) -> None:
        how: Literal["always", "never"] = "always" if connection.dialect.name == "sqlite" else "never"
        with Operations(MigrationContext.configure(connection)).batch_alter_table("requests", recreate=how) as table:
            table.add_column(Column("locale", Text))

    async with migrated(url) as database:
        await Logs(database).record(asked(1), (Impression(1, 10, 0.5),))
        await see(url, add_a_column_by_rebuilding)

        assert await Logs(database).counts() == Counts(requests=1, impressions=1, reactions=0, people=1)


def test_alembic_can_be_run_on_a_connection_that_somebody_has_open(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'indiean.db'}")
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        found = set(inspect(connection).get_table_names())
    engine.dispose()

    assert found == OURS | {"alembic_version"}


async def test_alembic_s_command_line_takes_the_url_as_an_x_argument(url: str, written: Config) -> None:
    written.cmd_opts = Namespace(x=[f"url={url}"])
    await asyncio.to_thread(command.upgrade, written, "head")

    assert await differences(url) == []


def test_a_new_revision_is_written_from_the_template(tmp_path: Path, written: Config) -> None:
    written.attributes["url"] = driver_url(sqlite_url(tmp_path / "indiean.db"))
    command.upgrade(written, "head")
    command.revision(written, "Nothing new.", autogenerate=True, rev_id="9998")
    source = (tmp_path / "migrations" / "versions" / "9998_nothing_new.py").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]

    assert [node.name for node in functions] == ["upgrade", "downgrade"]
    assert all(isinstance(statement, ast.Pass) for node in functions for statement in node.body)
