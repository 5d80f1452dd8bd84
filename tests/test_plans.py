"""Every query of the storage finds its rows by an index, on both databases; the few that read whole tables are named.

On Postgres with `enable_seqscan` off: what the planner takes for a handful of rows, or for as many as a test has the
time to write, says nothing about a million. With it off, it reads a whole table only where no index could serve.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPICursor

import storage
from storage.accounts import Accounts
from storage.channel_tastes import ChannelTastes
from storage.database import Database
from storage.digests import Claim, Digests, Row, Slot, State
from storage.feedback import Feedback, Opinion
from storage.fitted_rows import FittedRows
from storage.lake.events import reacted
from storage.lake.lake import Lake
from storage.logs import Click, Logs
from storage.measures import compare, online
from storage.personal_data import PersonalData
from storage.retention import prune
from storage.runs import Runs
from storage.schema import metadata
from storage.server_data import ServerData
from storage.slack_installs import SlackInstalls
from storage.steam.ids import FIRST, SteamID
from storage.subscriptions import Subscriptions
from storage.synced import Synced
from tests.databases import KINDS, NOON, ready
from tests.test_fitted_rows import ADA, GRACE, TWO
from tests.test_logs import SHOWN, asked, liked
from tests.test_personal_data import live
from tests.test_runs import RUN
from tests.test_subscriptions import LOBBY

INSTALLED = Installation(app_id="A1", team_id="T1", user_id="U1", bot_token="x", installed_at=NOON.timestamp())  # noqa: S106


def installs(database: Database) -> SlackInstalls:
    return SlackInstalls(database, "111.222")


WEEKS = ("2024-W19", "2024-W20")
SLOT = Slot("discord", "lobby", "2024-W20")
CLAIM = Claim(SLOT, "answer", "here", NOON, NOON)
SEEN = Row(SLOT, State.CLAIMED, 1, NOON)

PARTED = "lake_events"
"""The table that Postgres has in parts, which have names of their own and so do their indices."""

QUERIES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "Logs.record": lambda database: Logs(database).record(asked(9), SHOWN),
    "Logs.react": lambda database: Logs(database).react(liked(9)),
    "Logs.recent": lambda database: Logs(database).recent(5),
    "Logs.latest": lambda database: Logs(database).latest("discord", "ada", ["recommend"]),
    "Logs.answer": lambda database: Logs(database).answer("request-1"),
    "Logs.page": lambda database: Logs(database).page("request-1", 2),
    "Logs.page by somebody": lambda database: Logs(database).page("request-1", 2, by=("discord", "ada")),
    "Logs.shown_before": lambda database: Logs(database).shown_before("request-1", 3),
    "Logs.asked_since": lambda database: Logs(database).asked_since(NOON),
    "Logs.counts": lambda database: Logs(database).counts(),
    "Logs.click": lambda database: Logs(database).click(Click("request-1", 1, SHOWN[0].app_id, NOON)),
    "online": lambda database: online(database, NOON + timedelta(days=1), 7),
    "compare": lambda database: compare(database, NOON, NOON + timedelta(days=1), "a", "b"),
    "Feedback.of": lambda database: Feedback(database).of("discord", "ada"),
    "Feedback.toggle": lambda database: Feedback(database).toggle("discord", "ada", 10, Opinion.HIDE, NOON),
    "Accounts.of": lambda database: Accounts(database).of("discord", "ada"),
    "Accounts.of_many": lambda database: Accounts(database).of_many("discord", ("ada", "grace")),
    "Accounts.link": lambda database: Accounts(database).link("discord", "ada", SteamID(FIRST + 1), "said", NOON),
    "Accounts.unlink": lambda database: Accounts(database).unlink("discord", "ada", NOON),
    "Accounts.begin": lambda database: Accounts(database).begin("discord", "ada", "hash-9", NOON),
    "Accounts.finish": lambda database: Accounts(database).finish("hash-1", NOON, timedelta(minutes=10)),
    "Subscriptions.of": lambda database: Subscriptions(database).of("discord", "lobby"),
    "Subscriptions.keep": lambda database: Subscriptions(database).keep(LOBBY),
    "Subscriptions.stop": lambda database: Subscriptions(database).stop("discord", "lobby"),
    "Subscriptions.all": lambda database: Subscriptions(database).all(),
    "Digests.of_weeks": lambda database: Digests(database).of_weeks(WEEKS),
    "Digests.taken": lambda database: Digests(database).taken("discord", "lobby", WEEKS),
    "Digests.shown": lambda database: Digests(database).shown("discord", "lobby", WEEKS),
    "Digests.claim": lambda database: Digests(database).claim(SLOT, "guild", NOON, timedelta(), "here", "answer"),
    "Digests.decided": lambda database: Digests(database).decided(CLAIM, [], "model", NOON),
    "Digests.sent": lambda database: Digests(database).sent(CLAIM, "message", NOON),
    "Digests.retry": lambda database: Digests(database).retry(CLAIM, NOON, "why"),
    "Digests.close": lambda database: Digests(database).close(CLAIM, State.GONE, "why"),
    "Digests.overdue": lambda database: Digests(database).overdue(SLOT, None, SEEN, State.GIVEN_UP, "why", NOON),
    "Digests.gather": lambda database: Digests(database).gather(WEEKS, NOON, timedelta(days=1)),
    "ChannelTastes.of_channel": lambda database: ChannelTastes(database).of_channel("discord", "guild", "lobby", NOON),
    "ChannelTastes.of_server": lambda database: ChannelTastes(database).of_server("discord", "guild", NOON),
    "ChannelTastes.likes": lambda database: ChannelTastes(database).likes(NOON),
    "SlackInstalls.bot_of": lambda database: installs(database).bot_of("T1"),
    "Synced.get": lambda database: Synced(database).get("discord"),
    "Synced.put": lambda database: Synced(database).put("discord", "digest", NOON),
    "PersonalData.of": lambda database: PersonalData(database).of("discord", "ada"),
    "PersonalData.erase": lambda database: PersonalData(database).erase("discord", "ada", NOON),
    "ServerData.erase": lambda database: ServerData(database).erase("slack", "T1", NOON),
    "SlackInstalls.async_save": lambda database: installs(database).async_save(INSTALLED),
    "SlackInstalls.async_save_bot": lambda database: installs(database).async_save_bot(INSTALLED.to_bot()),
    "SlackInstalls.async_find_bot": lambda database: installs(database).async_find_bot(
        enterprise_id=None, team_id="T1"
    ),
    "SlackInstalls.forget": lambda database: installs(database).forget("T1", NOON),
    "SlackStates.async_issue": lambda database: installs(database).states.async_issue(),
    "SlackStates.async_consume": lambda database: installs(database).states.async_consume("state"),
    "Lake.append": lambda database: Lake(database).append([reacted(liked(9))]),
    "Lake.after": lambda database: Lake(database).after(1, 5),
    "Lake.touched": lambda database: Lake(database).touched(1, 5),
    "Lake.told_by": lambda database: Lake(database).told_by([("discord", "ada"), ("slack", "T1:U1")], 1),
    "Lake.last": lambda database: Lake(database).last(),
    "Lake.name": lambda database: Lake(database).name(),
    "Lake.rename": lambda database: Lake(database).rename(),
    "Lake.tally": lambda database: Lake(database).tally(),
    "Lake.pending": lambda database: Lake(database).pending(1),
    "Lake.counts": lambda database: Lake(database).counts(),
    "Lake.prune": lambda database: Lake(database).prune((NOON + timedelta(days=9)).date(), 9, 1),
    "Runs.begin": lambda database: Runs(database).begin(RUN),
    "Runs.beat": lambda database: Runs(database).beat(RUN, NOON, "gather"),
    "Runs.end": lambda database: Runs(database).end(RUN, heard=NOON),
    "Runs.under_way": lambda database: Runs(database).under_way("nightly"),
    "Runs.latest": lambda database: Runs(database).latest("nightly"),
    "Runs.recent": lambda database: Runs(database).recent(5),
    "Runs.recent of a job": lambda database: Runs(database).recent(5, "nightly"),
    "Runs.prune": lambda database: Runs(database).prune(NOON + timedelta(days=9), 1),
    "FittedRows.keep": lambda database: FittedRows(database).keep("v9", 1, TWO),
    "FittedRows.retire": lambda database: FittedRows(database).retire({"v1"}),
    "FittedRows.kept": lambda database: FittedRows(database).kept("v1"),
    "FittedRows.of": lambda database: FittedRows(database).of("v1", [ADA, GRACE]),
    "FittedRows.forgotten": lambda database: FittedRows(database).forgotten("v1"),
    "FittedRows.rows": lambda database: FittedRows(database).rows("v1", [0, 1]),
    "FittedRows.all": lambda database: FittedRows(database).all("v1"),
    "prune": lambda database: prune(database, NOON + timedelta(days=9), 1),
}
WHOLE = {
    "Logs.counts": {"requests", "impressions", "reactions"},
    "Subscriptions.all": {"digest_channels"},
    "Lake.tally": {"lake_events"},
    "Lake.counts": {"lake_events"},
    "FittedRows.keep": {"player_facts"},
    "FittedRows.retire": {"fitted_versions"},
    "SlackStates.async_issue": {"slack_oauth_states"},
    "SlackStates.async_consume": {"slack_oauth_states"},
}
"""What is meant to read all of a table: few are on the way to install at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """One access to a table; `bounded` where it ends after the rows that are wanted."""

    table: str
    index: str | None
    bounded: bool


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with ready(request.param, tmp_path) as made:
        await live(made, "ada", 1)
        await Logs(made).record(replace(asked(2), root="request-1", page=2), SHOWN)
        for version in ("v1", "v2"):
            await FittedRows(made).keep(version, 0, TWO)
        yield made


async def steps(database: Database, run: Callable[[Database], Awaitable[object]]) -> list[Step]:
    """How the database goes about every statement that `run` makes, while it makes it."""
    taken: list[Step] = []
    explain = _on_sqlite if database._engine.dialect.name == "sqlite" else _on_postgres

    def listen(_: object, cursor: DBAPICursor, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE", "WITH")):
            taken.extend(explain(cursor, statement, values))

    event.listen(database._engine.sync_engine, "before_cursor_execute", listen)
    await run(database)
    event.remove(database._engine.sync_engine, "before_cursor_execute", listen)
    return taken


def _on_sqlite(cursor: DBAPICursor, statement: str, values: Any) -> Iterator[Step]:
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    for *_, said in cursor.fetchall():
        how, table, *rest = f"{said} ".split(" ")
        if table in metadata.tables:
            index = rest[rest.index("INDEX") + 1] if "INDEX" in rest else None
            yield Step(table, index, how == "SEARCH" or (index is not None and "LIMIT" in statement))


def _on_postgres(cursor: DBAPICursor, statement: str, values: Any) -> Iterator[Step]:
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", values)
    ((plan,),) = cursor.fetchall()
    yield from _scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"], "LIMIT" in statement)


def _scans(node: dict[str, Any], limited: bool, table: str = "") -> Iterator[Step]:
    """A bitmap's table stands on the node above its index."""
    table = re.sub(rf"^({PARTED})_\w+$", r"\1", node.get("Relation Name", table))
    if node["Node Type"] == "Seq Scan":
        yield Step(table, None, bounded=False)
    elif "Index Name" in node:
        index = re.sub(rf"^({PARTED})_(?:default|\d+)_(\w+)_idx$", r"ix_\1_\2", node["Index Name"])
        yield Step(table, index, "Index Cond" in node or limited)
    for inner in node.get("Plans", []):
        yield from _scans(inner, limited, table)


@pytest.mark.parametrize("name", QUERIES)
async def test_rows_are_found_by_an_index(database: Database, name: str) -> None:
    taken = await steps(database, QUERIES[name])

    assert {step.table for step in taken if not step.bounded} == WHOLE.get(name, set()), taken


async def test_every_index_serves_a_query(database: Database) -> None:
    used = {step.index for run in QUERIES.values() for step in await steps(database, run)}

    assert {str(index.name) for table in metadata.tables.values() for index in table.indexes} - used == set()


def test_every_question_that_the_storage_answers_is_looked_at() -> None:
    rooms = pkgutil.walk_packages(storage.__path__, "storage.")
    modules = [importlib.import_module(each.name) for each in rooms if ".migrations." not in each.name]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and "database: 'Database'" in str(inspect.signature(kind.__init__))
    }
    methods = {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, method in vars(kind).items()
        if inspect.iscoroutinefunction(method) and not name.startswith("_")
    }

    assert methods - QUERIES.keys() == set()
    assert len(methods) > 20
