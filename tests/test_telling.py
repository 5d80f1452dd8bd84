"""What events mean to a warehouse: rows, players to forget, and nothing at all where they are poisoned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.library import Library
from storage.delta import Delta, Rejected
from storage.lake.chunks import chunk_event
from storage.lake.events import ALL, Event, Kind, asked, erased, library_read, player_of, reacted
from storage.lake.lake import Stored
from storage.lake.telling import OPINIONS, delta_of
from storage.logs import Reaction, RequestLog
from storage.warehouse import GAMES, INTERACTIONS, REVIEWS, games_batch
from tests.databases import NOON
from tests.warehouses import FULL, Owned, Review, batch

ANN, BOB = player_of("discord", "ann"), player_of("discord", "bob")
ROWS = batch([Owned("a", 10, 7), Owned("b", 20, 3)], INTERACTIONS)


def told(*events: Event) -> Delta:
    return delta_of([Stored(seq, NOON, event) for seq, event in enumerate(events, 1)])


def library(person: str, games: dict[int, int]) -> Event:
    return library_read("discord", person, Library(games), NOON)


def reaction(person: str, kind: str, app_id: int = 10) -> Event:
    return reacted(Reaction(f"{person}-{kind}-{app_id}", NOON, "discord", person, app_id, kind))


def poisoned(kind: Kind, payload: Mapping[str, object], body: bytes | None = None, person: str | None = "ann") -> Event:
    platform = "discord" if person else None
    return Event("poison", kind, NOON, 1, payload, platform, person, body)


def test_a_library_is_interactions_under_a_pseudonym() -> None:
    delta = told(library("ann", {10: 62, 20: 0}))

    assert delta.interactions.to_pylist() == [
        {"player": ANN, "app_id": 10, "minutes": 62},
        {"player": ANN, "app_id": 20, "minutes": 0},
    ]
    assert delta.events == 1


@pytest.mark.parametrize(("kind", "opinion"), OPINIONS.items())
def test_a_reaction_is_an_opinion_or_the_end_of_one(kind: str, opinion: str | None) -> None:
    delta = told(reaction("ann", kind))

    assert delta.feedback.to_pylist() == [{"player": ANN, "app_id": 10, "opinion": opinion, "since": NOON}]


def test_chunks_of_imported_sets_are_the_rows_they_were() -> None:
    reviews, games = batch([Review("a", 10, True)], REVIEWS), games_batch([FULL])
    events = [chunk_event(table, rows, "set", NOON) for table, rows in _tables(ROWS, games, reviews)]
    delta = told(*events)

    assert delta.interactions == pa.Table.from_batches([ROWS])
    assert delta.catalogue == pa.Table.from_batches([games])
    assert delta.reviews == pa.Table.from_batches([reviews])


def _tables(rows: pa.RecordBatch, games: pa.RecordBatch, reviews: pa.RecordBatch) -> list[tuple[str, pa.RecordBatch]]:
    return [("interactions", rows), ("games", games), ("reviews", reviews)]


def test_the_same_rows_on_one_day_are_one_event_and_on_another_day_a_second() -> None:
    first, again = chunk_event("interactions", ROWS, "a", NOON), chunk_event("interactions", ROWS, "b", NOON)
    tomorrow = chunk_event("interactions", ROWS, "a", NOON + timedelta(days=1))

    assert (first.day, first.key) == (again.day, again.key)
    assert tomorrow.day != first.day


def test_what_people_ask_is_counted_and_comes_to_no_row() -> None:
    request = RequestLog("1", NOON, "discord", "ann", "curate", {}, "answered", 3)
    delta = told(asked(request, {}, ()))

    assert (delta.events, delta.interactions.num_rows, delta.feedback.num_rows, delta.rejects) == (1, 0, 0, [])


def test_who_is_forgotten_loses_what_came_before_and_keeps_what_comes_after() -> None:
    delta = told(
        library("ann", {10: 1}),
        library("bob", {10: 2}),
        reaction("ann", "like"),
        erased("discord", "ann", ALL, NOON),
        library("ann", {30: 3}),
    )

    assert delta.interactions.to_pylist() == [
        {"player": BOB, "app_id": 10, "minutes": 2},
        {"player": ANN, "app_id": 30, "minutes": 3},
    ]
    assert delta.feedback.num_rows == 0
    assert delta.forgotten == {"interactions": [ANN], "feedback": [ANN]}


def test_who_unlinks_keeps_opinions() -> None:
    delta = told(
        library("ann", {10: 1}), reaction("ann", "like"), erased("discord", "ann", frozenset({Kind.LIBRARY}), NOON)
    )

    assert (delta.interactions.num_rows, delta.feedback.num_rows) == (0, 1)
    assert delta.forgotten == {"interactions": [ANN]}


def _chunk(**changes: object) -> Event:
    event = chunk_event("interactions", ROWS, "set", NOON)
    return poisoned(Kind.ROWS, {**event.payload, **changes}, event.body)


POISONS = {
    "no games": poisoned(Kind.LIBRARY, {}),
    "games that are none": poisoned(Kind.LIBRARY, {"games": [10]}),
    "a title for an app id": poisoned(Kind.LIBRARY, {"games": [["Hades", 1]]}),
    "true for an app id": poisoned(Kind.LIBRARY, {"games": [[True, 1]]}),
    "an app id out of range": poisoned(Kind.LIBRARY, {"games": [[2**31, 1]]}),
    "minutes below nothing": poisoned(Kind.LIBRARY, {"games": [[10, -1]]}),
    "a library of nobody": poisoned(Kind.LIBRARY, {"games": [[10, 1]]}, person=None),
    "an unknown opinion": poisoned(Kind.REACTION, {"app_id": 10, "opinion": "love"}),
    "an opinion of no game": poisoned(Kind.REACTION, {"opinion": "like"}),
    "no body": poisoned(Kind.ROWS, {"table": "interactions", "rows": 2}),
    "a body that is no Arrow": poisoned(Kind.ROWS, {"table": "interactions", "rows": 2}, b"\x00" * 40),
    "rows of another table": _chunk(table="games"),
    "rows of a table that is none": _chunk(table="secrets"),
    "another number of rows": _chunk(rows=3),
    "nobody to forget": poisoned(Kind.ERASED, {}),
}


@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_event_is_rejected_alone_and_none_of_it_is_said(poison: str) -> None:
    event = POISONS[poison]
    delta = told(library("bob", {10: 2}), event, reaction("bob", "like"))

    assert delta.rejects == [Rejected(2, event.kind, delta.rejects[0].reason)]
    assert (delta.events, delta.interactions.num_rows, delta.feedback.num_rows) == (3, 1, 1)
    assert not any(word in delta.rejects[0].reason for word in ("Hades", "love", "secrets"))


def test_more_minutes_than_a_number_holds_are_as_many_as_it_does() -> None:
    assert told(library("ann", {10: 2**40})).interactions["minutes"].to_pylist() == [2**31 - 1]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    kind=st.sampled_from(Kind),
    payload=st.dictionaries(st.sampled_from(["games", "app_id", "opinion", "table", "rows", "player", "kinds"]), _JSON),
    body=st.none() | st.binary(max_size=64),
)
def test_nothing_that_an_event_may_say_ends_an_export(
    kind: Kind, payload: dict[str, object], body: bytes | None
) -> None:
    delta = told(poisoned(kind, payload, body))

    assert delta.events == 1
    assert delta.catalogue.schema == GAMES
