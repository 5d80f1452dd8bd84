"""What people are told of what is kept of them, and that it is gone once they ask for that."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.mydata import packed
from bot.dispatch import dispatch
from bot.messages import Attachment, Language, Outcome, Person, Reply
from bot.settings import Settings
from bot.warehouse import Copies
from bot.wording import Wording
from storage.database import Database
from storage.duckdb.warehouse import DuckDBWarehouse
from storage.errors import WarehouseBusy
from storage.lake.events import player_of
from storage.logs import Logs
from storage.patient_logs import PatientLogs
from storage.personal_data import PersonalData
from storage.schema import metadata
from storage.subscriptions import Subscription
from tests import worlds
from tests.fakes import ANN, NOON, PUBLIC, Place, open_place, request, terminal
from tests.warehouses import Owned, own

BOB = Person("terminal", "bob")
DIGEST = Subscription("terminal", "news", None, 4, 18, "UTC", (), "en", adult=False, by="ann", since=NOON)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(tmp_path) as opened:
        yield opened


async def leave_traces(place: Place, person: Person = ANN) -> None:
    """In every table that has rows about people."""
    await place.ask("link", person, steam=PUBLIC)
    await place.ask("recommend", person)
    await place.ask("hide", person, game="Static")
    await place.desk.accounts.begin(person.platform, person.id, f"hash of {person.id}", NOON)
    await place.desk.subscriptions.keep(replace(DIGEST, channel=f"news of {person.id}", by=person.id))


@asynccontextmanager
async def waiting_log(folder: Path) -> AsyncIterator[PatientLogs]:
    """A queue whose lines stay in it, as its database is away."""
    away = Database(f"sqlite:///{folder / 'nowhere.sqlite'}")
    waiting = PatientLogs(Logs(away))
    yield waiting
    await waiting.close(within=0.1)
    await away.close()


def read(reply: Reply) -> dict[str, dict[str, dict[str, object]]]:
    assert reply.attachment is not None
    found: dict[str, dict[str, dict[str, object]]] = json.loads(reply.attachment.content)
    return found


async def rows_about(place: Place, person: Person) -> list[str]:
    """All rows of all tables in which that person's id or Steam account stands."""
    found = []
    async with place.database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(table.select()):
                found += [f"{table.name}: {row}"] if person.id in str(row) or PUBLIC in str(row) else []
    return found


@pytest.mark.parametrize("language", Language)
async def test_the_file_has_every_table_about_oneself_with_its_meaning(place: Place, language: Language) -> None:
    await leave_traces(place)
    reply = await place.hand_over("mydata", {}, language=language)

    tables = read(reply)["tables"]
    assert tables.keys() == {
        "requests",
        "impressions",
        "reactions",
        "feedback",
        "linked_accounts",
        "link_states",
        "lake_events",
        "digest_channels",
    }
    for name, table in tables.items():
        assert table["meaning"] == Wording(language).say(f"kept.{name}.meaning")
    assert PUBLIC in str(tables["linked_accounts"]["rows"])


async def test_the_file_is_readable_as_text(place: Place) -> None:
    await place.hand_over("recommend", {"games": "없는 게임"})
    reply = await place.ask("mydata")

    assert reply.attachment is not None
    assert reply.attachment.name == "indiean-2026-05-17.json"
    assert "\n  " in reply.attachment.content.decode()
    assert "없는 게임" in reply.attachment.content.decode()


async def test_the_sentence_counts_what_is_in_the_file(place: Place) -> None:
    await leave_traces(place)
    reply = await place.ask("mydata")

    for count in ("requests: 3", "games shown to you: 5", "linked Steam accounts: 1", "digests set up by you: 1"):
        assert count in reply.text


async def test_nothing_about_others_is_in_the_file(place: Place) -> None:
    await leave_traces(place, BOB)
    await place.ask("hide", game="Tessera")
    reply = await place.ask("mydata")

    assert reply.attachment is not None
    assert b"bob" not in reply.attachment.content
    assert PUBLIC.encode() not in reply.attachment.content


def test_a_file_too_large_to_send_is_packed() -> None:
    file = packed(Attachment("all.json", b"many " * 1000), largest=100)

    assert file.name == "all.json.gz"
    assert len(file.content) < 100
    assert gzip.decompress(file.content) == b"many " * 1000


async def test_what_is_not_written_yet_is_said_to_be_missing(place: Place, tmp_path: Path) -> None:
    """The queue writes to a database that is away, while the rest is read from one that is there."""
    async with waiting_log(tmp_path) as waiting:
        desk = replace(place.desk, logs=waiting, patience=0.1)
        await dispatch(request("hide", game="Static"), desk)
        reply = await dispatch(request("mydata"), desk)

    assert "could not be written yet" in (reply.note or "")


async def test_a_terminal_puts_the_file_where_only_its_owner_reads_it(place: Place) -> None:
    await place.ask("hide", game="Static")
    heard, screen = terminal(place)
    await heard.hear("/mydata")

    path = place.folder / "indiean-2026-05-17.json"
    assert str(path) in screen.getvalue()
    assert path.stat().st_mode & 0o077 == 0
    assert "feedback" in json.loads(path.read_text("utf-8"))["tables"]


async def test_a_file_that_cannot_be_put_is_a_sentence(place: Place) -> None:
    await place.ask("hide", game="Static")
    heard, screen = terminal(place)
    occupied = place.folder / "occupied"
    occupied.touch()
    await replace(heard, folder=occupied).hear("/mydata")

    assert "could not be saved" in screen.getvalue()


async def test_forgetting_is_explained_first_and_erases_nothing_yet(place: Place) -> None:
    await leave_traces(place)
    reply = await place.ask("forgetme")

    (choice,) = reply.choices
    assert (choice.command, choice.options) == ("forgetme", {"sure": "yes"})
    assert await place.desk.feedback.of(ANN.platform, ANN.id)


async def test_after_forgetting_no_row_is_about_that_person(place: Place) -> None:
    await leave_traces(place)
    await place.ask("forgetme")
    before = await rows_about(place, ANN)
    reply = await place.ask("forgetme", sure="yes")
    await place.flush()

    assert len(before) > 5
    assert reply.text.startswith("Forgotten.")
    assert [row for row in await rows_about(place, ANN) if "news of ann" not in row] == []


async def test_a_digest_goes_on_without_the_name_of_who_set_it_up(place: Place) -> None:
    await leave_traces(place)
    await place.ask("forgetme", sure="yes")

    kept = await place.desk.subscriptions.of("terminal", "news of ann")
    assert kept is not None
    assert kept.by == ""


async def test_others_are_not_forgotten(place: Place) -> None:
    await leave_traces(place, BOB)
    await leave_traces(place)
    await place.flush()
    before = await place.desk.personal.of(BOB.platform, BOB.id)
    await place.ask("forgetme", sure="yes")

    assert await place.desk.personal.of(BOB.platform, BOB.id) == before


async def test_memory_forgets_too(place: Place) -> None:
    await leave_traces(place)
    await place.ask("forgetme", sure="yes")
    place.steam.add_player(PUBLIC, worlds.library("Static").minutes)

    why = await place.ask("why", game="Mirrorblade")
    anew = await place.ask("recommend", steam=PUBLIC)

    assert why.outcome is Outcome.REFUSED
    assert "of the 1 games" in anew.text


async def test_that_somebody_asked_to_be_forgotten_is_not_remembered(place: Place) -> None:
    await place.ask("forgetme", sure="yes")
    await place.flush()

    assert (await place.logs.counts()).requests == 0


async def test_nothing_is_promised_while_log_lines_wait(place: Place, tmp_path: Path) -> None:
    await leave_traces(place)
    async with waiting_log(tmp_path) as waiting:
        desk = replace(place.desk, logs=waiting, patience=0.1)
        await dispatch(request("hide", game="Tessera"), desk)
        reply = await dispatch(request("forgetme", sure="yes"), desk)

    assert reply.outcome is Outcome.UNAVAILABLE
    assert "ask again" in reply.text
    assert await place.desk.feedback.of(ANN.platform, ANN.id)


async def test_a_database_away_erases_nothing_and_says_so(place: Place, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'nowhere.sqlite'}")

    reply = await dispatch(request("forgetme", sure="yes"), replace(place.desk, personal=PersonalData(away)))

    await away.close()
    assert reply.outcome is Outcome.UNAVAILABLE
    assert not reply.untraced


class Copied:
    """What a warehouse has of anybody, or that it cannot be looked at."""

    def __init__(self, rows: dict[str, list[dict[str, object]]] | None) -> None:
        self._rows = rows

    async def of(self, *_: str) -> dict[str, list[dict[str, object]]]:
        if self._rows is None:
            raise WarehouseBusy("another process holds it")
        return self._rows


async def test_what_was_copied_to_learn_from_is_in_the_file(place: Place) -> None:
    copied = Copied({"interactions": [{"player": "bot-1", "app_id": 10, "minutes": 62}]})
    reply = await dispatch(request("mydata"), replace(place.desk, copies=copied))

    assert read(reply)["tables"]["warehouse_interactions"]["rows"] == [{"player": "bot-1", "app_id": 10, "minutes": 62}]
    assert "games to learn from: 1" in reply.text


async def test_copies_that_cannot_be_read_now_are_said_to_be_missing(place: Place) -> None:
    await leave_traces(place)
    reply = await dispatch(request("mydata"), replace(place.desk, copies=Copied(None)))

    assert reply.attachment is not None
    assert "copies to learn from cannot be read right now" in str(reply.note)


async def test_the_warehouse_is_asked_by_pseudonym(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    before = await Copies(settings).of("discord", "ann")
    with DuckDBWarehouse(settings.warehouse_file) as warehouse:
        own(warehouse, Owned(player_of("discord", "ann"), 10, 62), Owned(player_of("slack", "ann"), 20, 1))
    after = await Copies(settings).of("discord", "ann")

    assert before == {}
    assert after == {"interactions": [{"player": player_of("discord", "ann"), "app_id": 10, "minutes": 62}]}
