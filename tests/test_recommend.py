"""Picks are the best of what is allowed, and their reasons are exact."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalog import Catalog, Game
from recommender.engine import recommend
from recommender.interactions import Floats, ItemIndex, Weighting
from recommender.library import Library
from recommender.linear import Linear, LinearSettings
from recommender.popularity import Popularity
from recommender.reasons import LEAST, REASONS, Because
from recommender.recommend import Pick, mixed_top, of_theme, picks_for, picks_for_many, similar_to, top, why
from recommender.served import Served
from recommender.shelf import Mask, Shelf, Wish
from recommender.tempered import Tempered
from tests import worlds

SERVED = worlds.served()
SHELF, MODEL = SERVED.shelf, worlds.model()
WISHES = st.builds(
    Wish,
    tag=st.sampled_from([None, "Roguelike", "Indie", "Action"]),
    max_price=st.sampled_from([None, 0.0, 9.99, 60.0]),
    since_year=st.sampled_from([None, 2013, 2016]),
    head=st.sampled_from([None, 0.0, 0.3, 1.0]),
    hidden=st.frozensets(st.sampled_from([game.app_id for game in worlds.GAMES])),
    indie_only=st.booleans(),
    adult=st.booleans(),
)
LIBRARIES = st.dictionaries(
    st.sampled_from([*(game.app_id for game in worlds.GAMES), worlds.UNLISTED, 123456]), st.integers(0, 9999)
)


@st.composite
def ranked(draw: st.DrawFn) -> tuple[Floats, Mask, Mask]:
    """Scores [n] with many ties, a mask and a head."""
    n = draw(st.integers(1, 30))
    scores = draw(st.lists(st.sampled_from([-2.0, -1.5, 0.0, 0.25, 0.5, 3.0]), min_size=n, max_size=n))
    flags = [draw(st.lists(st.booleans(), min_size=n, max_size=n)) for _ in range(2)]
    return np.array(scores, np.float32), np.array(flags[0], bool), np.array(flags[1], bool)


@given(ranked(), st.integers(0, 40))
def test_the_top_is_the_start_of_a_full_stable_sort(world: tuple[Floats, Mask, Mask], k: int) -> None:
    scores, mask, _ = world

    found = top(scores, mask, k)

    assert found.tolist() == sorted(np.flatnonzero(mask).tolist(), key=lambda at: -scores[at])[:k]


@given(ranked(), st.floats(0, 1), st.integers(0, 40))
def test_a_mix_is_allowed_sorted_and_without_repeats(world: tuple[Floats, Mask, Mask], share: float, k: int) -> None:
    scores, mask, head = world

    found = mixed_top(scores, mask, head, share, k)

    assert len(found) <= k
    assert len(set(found.tolist())) == len(found)
    assert mask[found].all()
    assert (np.diff(scores[found]) <= 0).all()


@given(ranked(), st.floats(0, 1), st.integers(0, 40))
def test_a_mix_holds_exactly_its_share_where_both_sides_suffice(
    world: tuple[Floats, Mask, Mask], share: float, k: int
) -> None:
    scores, mask, head = world
    hits, gems = mask & head, mask & ~head

    found = mixed_top(scores, mask, head, share, k)

    wanted = round(share * k)
    if hits.sum() >= wanted and gems.sum() >= k - wanted:
        assert (head[found].sum(), len(found)) == (wanted, k)
    elif 0 < share < 1:
        assert len(found) == min(k, mask.sum())


@given(ranked(), st.floats(0, 1), st.integers(0, 40))
def test_each_side_of_a_mix_gives_its_best(world: tuple[Floats, Mask, Mask], share: float, k: int) -> None:
    scores, mask, head = world

    found = mixed_top(scores, mask, head, share, k)

    for side in (head, ~head):
        given_by_side = set(found[side[found]].tolist())
        assert given_by_side == set(top(scores, mask & side, len(given_by_side)).tolist())


@given(ranked(), st.integers(0, 40))
def test_the_ends_of_the_mix_take_from_one_side_only(world: tuple[Floats, Mask, Mask], k: int) -> None:
    scores, mask, head = world

    assert mixed_top(scores, mask, head, 0.0, k).tolist() == top(scores, mask & ~head, k).tolist()
    assert mixed_top(scores, mask, head, 1.0, k).tolist() == top(scores, mask & head, k).tolist()
    assert mixed_top(scores, mask, head, None, k).tolist() == top(scores, mask, k).tolist()


@given(LIBRARIES, WISHES, st.integers(0, 40))
def test_no_pick_is_owned_hidden_or_against_the_wish(minutes: dict[int, int], wish: Wish, k: int) -> None:
    picks = recommend(SERVED, Library(minutes), wish, k).picks

    ids = [pick.game.app_id for pick in picks]
    assert len(ids) == len(set(ids)) <= k
    assert not set(ids) & (set(minutes) | wish.hidden)
    for pick in picks:
        game = pick.game
        assert game.price is not None
        assert wish.max_price is None or game.price <= wish.max_price
        assert wish.since_year is None or (game.year or 0) >= wish.since_year
        assert wish.tag is None or wish.tag in {*game.tags, *game.genres}
        assert game.indie or not wish.indie_only
        assert wish.adult or not game.adult


def test_everything_left_is_picked_where_less_than_k_is_left() -> None:
    owned = worlds.library("Tessera")

    picks = recommend(SERVED, owned, Wish(tag="Puzzle"), k=50).picks

    assert {pick.game.title for pick in picks} == set(worlds.THEMES["Puzzle"]) - {"Tessera"}


def test_a_pick_says_how_many_of_the_models_players_own_it() -> None:
    pick = recommend(SERVED, worlds.library("Tessera"), Wish(tag="Puzzle"), k=1).picks[0]

    column = worlds.interactions().minutes.tocsc()
    position = MODEL.items.position(pick.game.app_id)
    assert position is not None
    assert pick.players == column[:, position].nnz == 20


def test_reasons_are_the_exact_parts_of_the_score_the_strongest_first() -> None:
    owned = MODEL.items.owned(worlds.library("Ember Depths", "Dicebound", "Tessera", "Galactic Arena", "Static"))
    weights = MODEL.settings.weighting.weights(owned.minutes).astype(np.float64)
    P = MODEL.inverse.astype(np.float64)

    for pick in picks_for(owned, MODEL, SHELF, Wish(), 20):
        at = MODEL.items.position(pick.game.app_id)
        parts = {
            SHELF.games[i]: -x * P[i, at] / P[at, at] for i, x in zip(owned.positions, weights, strict=True)
        }  # x_i B_ij
        spoke = sorted((part for part in parts.values() if part > 0), reverse=True)

        assert [b.share for b in pick.because] == pytest.approx(
            [part / sum(spoke) for part in spoke[:REASONS] if part in (spoke[0], max(part, LEAST * sum(spoke)))],
            rel=1e-4,
        )
        assert [parts[b.game] / sum(spoke) for b in pick.because] == pytest.approx(
            [b.share for b in pick.because], rel=1e-4
        )
        assert pick.score == pytest.approx(sum(parts.values()), rel=1e-3, abs=1e-5)
        assert all(b.minutes == 600 for b in pick.because)


def linear_of(coefficients: dict[int, float]) -> Linear:
    """A model in which the game at position 0 gets coefficient B_i0 from each game i, and no other gets anything."""
    n = max(coefficients) + 1
    P = np.eye(n, dtype=np.float32)
    for at, coefficient in coefficients.items():
        P[0, at] = P[at, 0] = -coefficient
    items = ItemIndex(np.arange(n, dtype=np.int32) + 1, np.arange(n, 0, -1, dtype=np.int32))
    return Linear(items, P, LinearSettings(weighting=Weighting()))


def test_what_speaks_against_a_pick_is_no_reason_for_it() -> None:
    model = linear_of({1: 0.6, 2: -0.5, 3: 0.2})
    shelf = Shelf(Catalog(Game(at + 1, str(at), ("Indie",), price=1.0) for at in range(4)), model.items)
    owned = model.items.owned(Library({2: 10, 3: 20, 4: 30}))

    (pick,) = picks_for(owned, model, shelf, Wish(), 5)

    assert [(b.game.title, b.minutes) for b in pick.because] == [("1", 10), ("3", 30)]
    assert [b.share for b in pick.because] == pytest.approx([0.75, 0.25])


def test_games_without_a_name_are_no_reasons_and_leave_room_for_those_with_one() -> None:
    model = linear_of({at: 1 - at / 20 for at in range(1, 12)})
    named = (0, 9, 10, 11)
    shelf = Shelf(Catalog(Game(at + 1, str(at), ("Indie",), price=1.0) for at in named), model.items)
    owned = model.items.owned(Library({at + 1: 0 for at in range(1, 12)}))

    (pick,) = picks_for(owned, model, shelf, Wish(), 5)

    assert [b.game.title for b in pick.because] == ["9", "10", "11"]
    assert sum(b.share for b in pick.because) < 0.4


def reasons_of(games: dict[int, Game], minutes: dict[int, int], shares: dict[int, float]) -> tuple[Because, ...]:
    """Of the one pick, Game 1, by a model in which the others have these shares."""
    model = linear_of({app_id - 1: share for app_id, share in shares.items()})
    shelf = Shelf(Catalog([Game(1, "Picked", ("Indie",), price=1.0), *games.values()]), model.items)
    (pick,) = picks_for(model.items.owned(Library(minutes)), model, shelf, Wish(), 5)
    return pick.because


def test_games_of_one_series_are_one_reason_and_keep_their_own_shares() -> None:
    games = {
        at: Game(at, title, developer="From")
        for at, title in {2: "Dark Souls", 3: "Dark Souls II", 4: "Dark Souls III", 5: "Sekiro"}.items()
    }
    minutes = {2: 100, 3: 200, 4: 0, 5: 50}

    first, second, third = reasons_of(games, minutes, {2: 0.2, 3: 0.25, 4: 0.1, 5: 0.4})

    assert (first.game.title, [b.game.title for b in first.series]) == ("Dark Souls II", ["Dark Souls"])
    assert (first.minutes, first.series[0].minutes) == (200, 100)
    assert (second.game.title, third.game.title) == ("Sekiro", "Dark Souls III")  # owned, not played: another sentence
    assert [b.whole for b in (first, second, third)] == pytest.approx([0.45 / 0.95, 0.4 / 0.95, 0.1 / 0.95])
    assert first.whole == pytest.approx(first.share + first.series[0].share)


def test_tools_and_tests_are_no_reasons_and_still_part_of_the_whole() -> None:
    games = {2: Game(2, "Game Beta"), 3: Game(3, "Braid"), 4: Game(4, "Blender", genres=("Utilities",))}

    (only,) = reasons_of(games, {2: 10, 3: 20, 4: 30}, {2: 0.5, 3: 0.2, 4: 0.3})

    assert only.game.title == "Braid"
    assert only.share == pytest.approx(0.2)


def test_a_reason_of_less_than_a_twentieth_is_left_out_unless_there_is_no_larger() -> None:
    games = {at: Game(at, f"Title {chr(60 + at)}", developer=str(at)) for at in range(2, 34)}
    minutes = dict.fromkeys(games, 10)

    found = reasons_of(games, minutes, {2: 0.9, 3: 0.1, 4: 0.04})
    many = reasons_of(games, minutes, {at: 0.03 + 0.0001 * at for at in games})

    assert [b.game.app_id for b in found] == [2, 3]
    assert [b.game.app_id for b in many] == [33]


def test_among_equal_shares_the_played_game_comes_first() -> None:
    games = {at: Game(at, title, developer=title) for at, title in {2: "Braid", 3: "Limbo"}.items()}

    found = reasons_of(games, {2: 0, 3: 5}, {2: 0.5, 3: 0.5})

    assert [b.game.title for b in found] == ["Limbo", "Braid"]


def test_where_popularity_says_more_than_the_games_they_are_no_reason() -> None:
    items = MODEL.items
    weak = replace(MODEL, inverse=(MODEL.inverse * np.where(np.eye(len(items)), 1, 1e-3)).astype(np.float32))
    owned = items.owned(worlds.library("Static"))

    picks = picks_for(owned, Tempered(weak, Popularity.of_played(items)), SHELF, Wish(), 3)

    assert [pick.because for pick in picks] == [(), (), ()]


def test_popularity_gives_no_reasons() -> None:
    owned = MODEL.items.owned(worlds.library("Tessera"))

    picks = picks_for(owned, Popularity(MODEL.items), SHELF, Wish(), 5)

    assert [pick.because for pick in picks] == [()] * 5
    assert [pick.players for pick in picks] == sorted((pick.players for pick in picks), reverse=True)


@pytest.mark.parametrize("wish", [Wish(), Wish(head=0.5), Wish(tag="Horror", adult=True)], ids=str)
def test_picking_for_many_is_picking_for_each(wish: Wish) -> None:
    players = worlds.interactions().take(np.arange(0, 142, 11))

    many = picks_for_many(players, MODEL, SHELF, wish, 4)

    assert len(many) == len(players)
    for row, found in enumerate(many):
        alone, ranking = (picks_for(players.row(row), MODEL, SHELF, wish, k) for k in (4, len(MODEL.items)))
        reasons = {pick.game: pick.because for pick in ranking}
        assert worlds.alike_but_for_ties([(pick.game.app_id, pick.score) for pick in found], alone, ranking)
        assert all(pick.because == reasons[pick.game] for pick in found)


def test_like_a_game_are_the_picks_for_owning_it_alone() -> None:
    game = worlds.game("Goat Valley")
    position = MODEL.items.position(game.app_id)
    assert position is not None

    picks = similar_to(position, MODEL, SHELF, Wish(), 7)

    assert {pick.game.title for pick in picks} == set(worlds.THEMES["Farming Sim"]) - {"Goat Valley"}
    assert all([(b.game, b.share) for b in pick.because] == [(game, 1.0)] for pick in picks)


def theme_world(*games: Game, players: tuple[int, ...]) -> Shelf:
    priced = tuple(replace(game, price=1.0, genres=(*game.genres, "Indie")) for game in games)
    ids = np.array([game.app_id for game in games], np.int32)
    return Shelf(Catalog(priced), ItemIndex(ids, np.array(players, np.int32)))


def test_the_best_of_a_theme_are_central_to_it_liked_and_widely_owned() -> None:
    shelf = theme_world(
        Game(1, "second tag", ("Action", "Cozy"), positive=90, negative=10),
        Game(2, "disliked", ("Cozy",), positive=10, negative=90),
        Game(3, "of another theme", ("Action",), positive=99, negative=1),
        Game(4, "the best", ("Cozy",), positive=90, negative=10),
        Game(5, "hardly owned", ("Cozy",), positive=90, negative=10),
        Game(6, "a bare genre", (), ("Cozy",), positive=90, negative=10),
        players=(100, 100, 100, 100, 10, 10),
    )

    picks = of_theme("Cozy", shelf, Wish(), 10)

    assert [pick.game.title for pick in picks] == ["the best", "hardly owned", "second tag", "disliked", "a bare genre"]
    assert all(pick.because == () for pick in picks)
    assert [pick.players for pick in picks] == [100, 10, 100, 100, 10]


def test_the_measure_of_a_theme_is_the_one_documented() -> None:
    """Ten of ten positive: Wilson's bound is 10 / (10 + 1.96²). Third tag: 1 / log2(4). Half the log of the players."""
    shelf = theme_world(
        Game(1, "famous", ("Action",)),
        Game(2, "liked", ("A", "B", "Cozy"), positive=10, negative=0),
        Game(3, "unrated", ("Cozy",)),
        players=(99, 9, 9),
    )

    liked, unrated = sorted(of_theme("Cozy", shelf, Wish(), 10), key=lambda pick: pick.game.app_id)

    assert liked.score == pytest.approx(0.5 * (10 / (10 + 1.96**2) + 0.5) / 2, rel=1e-6)
    assert unrated.score == pytest.approx((0 + 0.5) / 2, rel=1e-6)


def test_few_reviews_say_less_than_many_of_the_same_share() -> None:
    shelf = theme_world(
        Game(1, "nine of ten", ("Cozy",), positive=9, negative=1),
        Game(2, "900 of 1000", ("Cozy",), positive=900, negative=100),
        players=(10, 10),
    )

    assert [pick.game.title for pick in of_theme("Cozy", shelf, Wish(), 2)] == ["900 of 1000", "nine of ten"]


def test_a_theme_obeys_the_wish_and_the_mix() -> None:
    hits = {game.title for game, hit in zip(SHELF.games, SHELF.head, strict=True) if hit and game}

    gems = of_theme("Horror", SHELF, Wish(head=0.0, max_price=9.99), 10)

    assert gems
    assert all((p.game.price or 0) <= 9.99 and not p.game.adult and p.game.title not in hits for p in gems)
    assert of_theme("No Such Tag", SHELF, Wish(), 10) == []


def asked_why(minutes: dict[int, int], app_id: int) -> Pick | None:
    position = MODEL.items.position(app_id)
    assert position is not None
    return why(MODEL.items.owned(Library(minutes)), position, SERVED.tempered, SHELF)


def test_why_gives_the_reasons_of_the_pick() -> None:
    library = worlds.library("Sunny Acres", "Turnip Days", "Static", minutes=90)
    picks = recommend(SERVED, library, Wish(), 20).picks

    for pick in picks:
        assert asked_why(dict(library.minutes), pick.game.app_id) == pick


def test_why_of_an_owned_game_is_why_without_owning_it() -> None:
    game = worlds.game("Turnip Days")
    others = dict(worlds.library("Sunny Acres", "Static").minutes)

    assert asked_why({**others, game.app_id: 5000}, game.app_id) == asked_why(others, game.app_id)


def test_why_speaks_of_games_that_may_not_be_picked_and_not_of_unknown_ones() -> None:
    owned = dict(worlds.library("Ember Depths").minutes)

    delisted = asked_why(owned, worlds.DELISTED.app_id)

    assert delisted is not None
    assert delisted.because[0].game.title == "Ember Depths"
    assert asked_why(owned, worlds.UNLISTED) is None


def test_owning_only_the_game_in_question_gives_no_reason() -> None:
    game = worlds.game("Static")

    pick = asked_why({game.app_id: 60}, game.app_id)

    assert pick is not None
    assert pick.because == ()


def test_scores_and_shares_of_a_served_model_are_plain_numbers() -> None:
    """What leaves the recommender goes into JSON and databases, which refuse numpy's."""
    for pick in recommend(SERVED, worlds.library("Static", "Tessera"), Wish(), 5).picks:
        assert (type(pick.score), type(pick.players)) == (float, int)
        assert all((type(b.share), type(b.minutes)) == (float, int) for b in pick.because)
        assert math.isfinite(pick.score)


def test_a_world_served_twice_gives_the_same_picks() -> None:
    again = Served("again", MODEL, worlds.catalog())

    picks = recommend(again, worlds.library("Tessera"), Wish(), 10).picks

    assert picks == recommend(SERVED, worlds.library("Tessera"), Wish(), 10).picks
