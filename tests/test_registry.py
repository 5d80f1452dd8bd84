"""Published whole or not at all, checked when opened, and the one before when the newest is damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from recommender.catalog import Game
from recommender.confidence import Confidence, Curve
from recommender.device import Device
from recommender.engine import recommend
from recommender.errors import DamagedModel, NoModel
from recommender.interactions import Interactions, Weighting
from recommender.library import Library
from recommender.linear import Linear, LinearSettings, fit
from recommender.popularity import Popularity
from recommender.registry import Registry
from recommender.shelf import Wish
from recommender.sparse_linear import SparseLinear, approximate
from recommender.version import Card, Kind
from tests import worlds

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

GAMES = [
    Game(10, "스타 밸리", ("Farming", "Cozy"), ("Indie",), "A Studio", "A", 14.99, date(2016, 2, 26), 2016, 90, 10),
    Game(20, "Beta", (), (), None, None, None, None, None, None, None, early_access=True, adult=True),
    Game(30, "Gamma", ("Roguelike",), ("Indie",), price=0.0, year=2020),
]


@pytest.fixture
def model() -> Linear:
    columns = np.array([[0, 0, 1, 1, 2, 2, 2], [10, 20, 10, 30, 10, 20, 30], [5, 0, 300, 1, 9, 9, 9]], np.int32)
    settings = LinearSettings(l2=2, dropout=0.1, weighting=Weighting(1, 0.5, 0.25))
    return fit(Interactions.from_columns(*columns), settings, Device.CPU)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


Publish = Callable[[int], Card]


@pytest.fixture
def publish(registry: Registry, model: Linear) -> Publish:
    """Publishes the model as if trained so many days after the first."""

    def published(day: int) -> Card:
        return registry.publish(
            model,
            GAMES,
            created=NOW + timedelta(days=day),
            metrics={"all": {"ndcg_10": 0.5}},
            fingerprint=f"data of day {day}",
            synthetic=False,
            players=3,
        )

    return published


def folder(registry: Registry, card: Card) -> Path:
    return registry._root / card.version


def test_what_is_opened_is_what_was_published(registry: Registry, publish: Publish, model: Linear) -> None:
    card = publish(0)
    served = registry.open_current()

    assert served.version == card.version
    assert {game.app_id: game for game in served.catalog} == {game.app_id: game for game in GAMES}
    assert isinstance(served.scorer, Linear)
    assert served.scorer.settings == model.settings
    assert np.array_equal(served.scorer.inverse, model.inverse)
    assert served.scorer.items.stamp == model.items.stamp
    assert registry.versions() == [card]


def test_how_sure_picks_are_and_how_many_play_each_game_is_published_with_the_model(
    registry: Registry, model: Linear
) -> None:
    confidence = Confidence((Curve(3.0, (0.1, 0.5), (0.2, 0.75)),))

    card = registry.publish(
        model,
        GAMES,
        created=NOW,
        metrics={},
        fingerprint="",
        synthetic=False,
        players=3,
        confidence=confidence,
    )
    served = registry.open_current()

    assert served.confidence == confidence
    assert registry.versions() == [card]
    assert served.scorer.items.played is not None
    assert served.scorer.items.played.tolist() == [1, 0, 0]


def test_a_model_of_which_nobody_counted_who_played_answers_nobody_by_who_owns(
    registry: Registry, model: Linear
) -> None:
    uncounted = replace(model, items=replace(model.items, played=None))
    registry.publish(uncounted, GAMES, created=NOW, metrics={}, fingerprint="", synthetic=False, players=3)
    served = registry.open_current()

    assert served.scorer.items.played is None
    assert np.array_equal(served.popularity.prior, Popularity(model.items).prior)


def test_the_matrix_is_mapped_not_copied(registry: Registry, publish: Publish) -> None:
    publish(0)
    scorer = registry.open_current().scorer

    assert isinstance(scorer, Linear)
    assert isinstance(scorer.inverse, np.memmap)
    assert not scorer.inverse.flags.writeable


@pytest.fixture
def approximated(registry: Registry, publish: Publish, model: Linear) -> SparseLinear:
    """Published after the dense model."""
    publish(0)
    columns = np.array([[0, 0, 1, 1, 2, 2, 2], [10, 20, 10, 30, 10, 20, 30], [5, 0, 300, 1, 9, 9, 9]], np.int32)
    made = approximate(Interactions.from_columns(*columns), model.settings)
    registry.publish(
        made, GAMES, created=NOW + timedelta(days=1), metrics={}, fingerprint="", synthetic=False, players=3
    )
    return made


def test_a_sparse_model_is_opened_as_it_was_published(registry: Registry, approximated: SparseLinear) -> None:
    scorer = registry.open_current().scorer

    assert isinstance(scorer, SparseLinear)
    assert scorer.settings == approximated.settings
    assert np.array_equal(scorer.weights.toarray(), approximated.weights.toarray())
    assert not scorer.weights.data.flags.writeable  # a view of the mapped file
    assert not scorer.weights.indices.flags.writeable
    owned = scorer.items.owned(Library({10: 600, 20: 0}))
    assert np.array_equal(scorer.scores(owned), approximated.scores(owned))
    third = np.array([2], np.int32)
    assert np.array_equal(scorer.shares(owned, third), approximated.shares(owned, third))


def test_sparse_and_dense_versions_roll_back_to_each_other(registry: Registry, approximated: SparseLinear) -> None:
    assert [card.kind for card in registry.versions()] == [Kind.SPARSE, Kind.DENSE]
    registry.roll_back()

    assert isinstance(registry.open_current().scorer, Linear)


def test_a_sparse_model_takes_a_new_catalogue(registry: Registry, approximated: SparseLinear) -> None:
    renewed = renew(registry, 2, NEW)
    scorer = registry.open_current().scorer

    assert renewed.kind is Kind.SPARSE
    assert isinstance(scorer, SparseLinear)
    assert np.array_equal(scorer.weights.toarray(), approximated.weights.toarray())


def test_a_manifest_from_before_there_were_sparse_models_is_of_a_dense_one(
    registry: Registry, publish: Publish
) -> None:
    card = publish(0)
    manifest = folder(registry, card) / "manifest.json"
    found = json.loads(manifest.read_text())
    del found["kind"]
    manifest.write_text(json.dumps(found))

    assert registry.versions() == [card]
    assert isinstance(registry.open_current().scorer, Linear)


def test_the_file_is_a_safetensors_file_that_the_library_reads(
    registry: Registry, publish: Publish, model: Linear
) -> None:
    tensors = load_file(folder(registry, publish(0)) / "model.safetensors")

    assert np.array_equal(tensors["inverse"], model.inverse)
    assert np.array_equal(tensors["app_ids"], model.items.app_ids)


def test_a_matrix_of_several_chunks_is_written_whole(
    registry: Registry, publish: Publish, model: Linear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.tensors.CHUNK", 7)

    card = publish(0)

    assert np.array_equal(load_file(folder(registry, card) / "model.safetensors")["inverse"], model.inverse)
    assert registry.open(card.version).version == card.version


def test_every_version_that_is_opened_answers_from_where_it_is_put(tmp_path: Path, publish: Publish) -> None:
    card = publish(0)
    placing = Registry(tmp_path / "models", lambda scorer: Popularity(scorer.items))

    assert isinstance(placing.open(card.version).scorer, Popularity)
    assert isinstance(placing.open_current().scorer, Popularity)


def test_what_was_learned_of_content_is_published_and_mapped(registry: Registry, publish: Publish) -> None:
    publish(0)
    without = registry.open_current()
    learned = worlds.served_with_content().content
    registry.publish(
        worlds.model(),
        worlds.GAMES,
        created=NOW + timedelta(days=1),
        metrics={},
        fingerprint="f",
        synthetic=False,
        players=142,
        content=learned,
    )
    content = registry.open_current().content

    assert without.content is None
    assert content is not None
    assert learned is not None
    assert content.features == learned.features
    assert content.enough == pytest.approx(learned.enough)
    assert np.array_equal(content.weights, learned.weights)
    assert isinstance(content.weights.base, np.memmap)


def test_a_catalogue_alone_makes_the_game_of_yesterday_a_pick(registry: Registry) -> None:
    registry.publish(
        worlds.model(),
        worlds.GAMES,
        created=NOW,
        metrics={},
        fingerprint="f",
        synthetic=False,
        players=142,
        content=worlds.served_with_content().content,
    )
    yesterday = replace(worlds.UNPLAYED, app_id=930, title="Out Yesterday", released=date(2019, 5, 1), year=2019)
    registry.publish_catalog([*worlds.GAMES, yesterday], created=NOW + timedelta(days=1))
    lover, wish = worlds.library("Ember Depths", "Dicebound"), Wish(hidden=frozenset({worlds.UNPLAYED.app_id}))

    assert [pick.game for pick in recommend(registry.open_current(), lover, wish, 5).picks if pick.new] == [yesterday]


def test_nothing_published_says_to_train(registry: Registry) -> None:
    with pytest.raises(NoModel, match="indiean train"):
        registry.open_current()


@pytest.mark.parametrize("name", ["model.safetensors", "catalog.safetensors"])
def test_one_changed_byte_is_refused_and_the_version_before_answers(
    registry: Registry, publish: Publish, name: str
) -> None:
    before, damaged = publish(0), publish(1)
    path = folder(registry, damaged) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedModel, match=name):
        registry.open(damaged.version)
    assert registry.open_current().version == before.version


@pytest.mark.parametrize("name", ["model.safetensors", "catalog.safetensors", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_file_cut_short_or_gone_is_refused(registry: Registry, publish: Publish, name: str, harm: str) -> None:
    before, damaged = publish(0), publish(1)
    path = folder(registry, damaged) / name
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()

    with pytest.raises(DamagedModel):
        registry.open(damaged.version)
    assert registry.open_current().version == before.version


def test_all_damaged_says_to_train(registry: Registry, publish: Publish) -> None:
    (folder(registry, publish(0)) / "model.safetensors").unlink()

    with pytest.raises(NoModel, match="every published model is damaged"):
        registry.open_current()


def test_rolling_back_and_promoting(registry: Registry, publish: Publish) -> None:
    first, second, third = publish(0), publish(1), publish(2)

    assert registry.roll_back() == second.version
    assert registry.current() == second.version
    assert registry.roll_back() == first.version
    registry.promote(third.version)
    assert registry.current() == third.version
    assert [card.version for card in registry.versions()] == [third.version, second.version, first.version]


def test_there_is_nothing_before_the_first(registry: Registry, publish: Publish) -> None:
    publish(0)

    with pytest.raises(NoModel, match="roll back"):
        registry.roll_back()


@pytest.mark.parametrize("version", ["", "..", "nothing", "../models"])
def test_only_a_version_can_be_promoted(registry: Registry, publish: Publish, version: str) -> None:
    card = publish(0)

    with pytest.raises(NoModel):
        registry.promote(version)
    assert registry.current() == card.version


def test_a_publication_that_fails_leaves_no_trace(registry: Registry, publish: Publish, model: Linear) -> None:
    card = publish(0)

    def broken() -> list[Game]:
        raise RuntimeError("the catalogue went away")

    with pytest.raises(RuntimeError):
        registry.publish(
            model,
            (game for game in broken()),
            created=NOW,
            metrics={},
            fingerprint="",
            synthetic=False,
            players=3,
        )
    assert registry.open_current().version == card.version
    assert sorted(p.name for p in registry._root.glob("[!.]*")) == sorted([card.version, "current"])
    assert list(registry._root.glob(".new-*")) == []


NEW = Game(40, "새로운 게임", ("Roguelike", "Indie"), price=4.99, released=date(2026, 5, 1), positive=9, negative=1)


def renew(registry: Registry, day: int, *games: Game) -> Card:
    card = registry.publish_catalog([*GAMES, *games], created=NOW + timedelta(days=day))
    assert card is not None
    return card


def test_a_catalogue_is_renewed_and_the_matrix_stays_the_very_file(
    registry: Registry, publish: Publish, model: Linear
) -> None:
    card = publish(0)
    renewed = renew(registry, 1, NEW)
    served = registry.open_current()

    assert registry.current() == served.version == renewed.version != card.version
    assert [served.catalog.get(app_id) for app_id in (10, 20, 30, 40)] == [*GAMES, NEW]
    assert served.scorer.items.stamp == model.items.stamp
    assert (folder(registry, card) / "model.safetensors").samefile(folder(registry, renewed) / "model.safetensors")
    assert renewed == replace(card, version=renewed.version, created=renewed.created, matrix_of=card.version)


def test_where_files_cannot_have_two_names_the_matrix_is_copied(
    registry: Registry, publish: Publish, model: Linear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr("os.link", refused)
    publish(0)
    renew(registry, 1, NEW)
    scorer = registry.open_current().scorer

    assert isinstance(scorer, Linear)
    assert np.array_equal(scorer.inverse, model.inverse)


def test_the_same_catalogue_again_is_no_new_version(registry: Registry, publish: Publish) -> None:
    card = publish(0)

    assert registry.publish_catalog(GAMES, created=NOW + timedelta(days=1)) is None
    assert registry.versions() == [card]


def test_a_renewed_catalogue_is_rolled_back_as_any_version(registry: Registry, publish: Publish) -> None:
    card = publish(0)
    renew(registry, 1, NEW)

    assert registry.roll_back() == card.version
    assert len(registry.open_current().catalog) == len(GAMES)


def test_a_catalogue_renewed_from_a_renewed_one_names_the_model_that_brought_the_matrix(
    registry: Registry, publish: Publish
) -> None:
    card = publish(0)
    renew(registry, 1, NEW)

    assert renew(registry, 2, NEW, replace(NEW, app_id=50)).matrix_of == card.version


def test_of_the_renewed_ones_the_latest_are_kept_and_every_model(registry: Registry, publish: Publish) -> None:
    first = publish(0)
    renewed = [renew(registry, day, *(replace(NEW, app_id=100 + n) for n in range(day))) for day in range(1, 8)]
    second = publish(8)
    renewed.append(renew(registry, 9, NEW))

    assert [card.version for card in registry.versions()] == [
        renewed[-1].version,
        second.version,
        renewed[-2].version,
        renewed[-3].version,
        first.version,
    ]
    assert [registry.roll_back() for _ in range(4)] == [
        second.version,
        renewed[-2].version,
        renewed[-3].version,
        first.version,
    ]


def test_a_damaged_version_is_not_renewed_and_the_one_before_it_is(registry: Registry, publish: Publish) -> None:
    whole, damaged = publish(0), publish(1)
    (folder(registry, damaged) / "model.safetensors").write_bytes(b"cut")

    assert renew(registry, 2, NEW).matrix_of == whole.version


def test_without_a_model_there_is_nothing_to_renew(registry: Registry) -> None:
    with pytest.raises(NoModel, match="indiean train"):
        registry.publish_catalog(GAMES, created=NOW)


def test_a_renewal_that_fails_leaves_no_trace(
    registry: Registry, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = publish(0)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("recommender.version.write_atomically", full)
    with pytest.raises(OSError, match="no space"):
        renew(registry, 1, NEW)

    assert registry.current() == card.version
    assert sorted(p.name for p in registry._root.glob("[!.]*")) == sorted([card.version, "current"])
    assert list(registry._root.glob(".new-*")) == []


def old_rows(games: Iterable[Game]) -> list[list[object]]:
    """As catalogues were written before they were laid out in columns."""
    return [[v.isoformat() if isinstance(v, date) else v for v in astuple(game)] for game in games]


def written_in_one_line(games: Iterable[Game]) -> str:
    return json.dumps(old_rows(games))


def written_line_by_line(games: Iterable[Game]) -> str:
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in old_rows(games)) + "\n]\n"


def made_old(folder: Path, text: str) -> None:
    manifest, catalog = folder / "manifest.json", folder / "catalog.json"
    catalog.write_text(text, "utf-8")
    (folder / "catalog.safetensors").unlink()
    content = catalog.read_bytes()
    facts = json.loads(manifest.read_text())
    del facts["matrix_of"], facts["confidence"], facts["files"]["catalog.safetensors"]
    facts["files"]["catalog.json"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest.write_text(json.dumps(facts))


@pytest.mark.parametrize("written", [written_in_one_line, written_line_by_line])
def test_a_version_from_before_catalogues_had_columns_is_read(
    registry: Registry, publish: Publish, written: Callable[[Iterable[Game]], str]
) -> None:
    """Nor does its manifest know of a version that brought the matrix."""
    card = publish(0)
    made_old(folder(registry, card), written(GAMES))
    served = registry.open_current()

    assert registry.versions() == [card]
    assert [served.catalog.get(game.app_id) for game in GAMES] == GAMES
    assert served.confidence is None


def test_a_version_from_before_catalogues_had_columns_is_checked_and_renewed(
    registry: Registry, publish: Publish
) -> None:
    first, second = publish(0), publish(1)
    for card in (first, second):
        made_old(folder(registry, card), written_line_by_line(GAMES))
    (folder(registry, second) / "catalog.json").write_text("[]")

    assert renew(registry, 2, NEW).matrix_of == first.version
    assert registry.open_current().catalog.get(NEW.app_id) == NEW


def test_a_catalogue_of_another_release_says_to_train(registry: Registry, publish: Publish) -> None:
    place = folder(registry, publish(0))
    path, manifest = place / "catalog.safetensors", place / "manifest.json"
    columns = load_file(path)
    del columns["prices"]
    save_file(columns, path)
    content, facts = path.read_bytes(), json.loads(manifest.read_text())
    facts["files"][path.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest.write_text(json.dumps(facts))

    with pytest.raises(DamagedModel, match="without 'prices': run `indiean train`"):
        registry.open(place.name)


@pytest.mark.parametrize(
    "title", ["[bracket", "line\nbreak", "\u2028\x85 signs that break lines elsewhere", "comma,", "]"]
)
def test_a_title_of_any_signs_is_read_as_it_was_written(registry: Registry, publish: Publish, title: str) -> None:
    publish(0)
    renew(registry, 1, replace(NEW, title=title))
    found = registry.open_current().catalog.get(NEW.app_id)

    assert found is not None
    assert found.title == title


def test_an_empty_catalogue_is_read(registry: Registry, publish: Publish) -> None:
    publish(0)
    registry.publish_catalog([], created=NOW + timedelta(days=1))

    assert len(registry.open_current().catalog) == 0


def test_publishing_the_same_twice_is_one_version(registry: Registry, publish: Publish) -> None:
    assert publish(0) == publish(0)
    assert len(registry.versions()) == 1
