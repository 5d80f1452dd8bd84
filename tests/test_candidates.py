"""Versions that nobody is answered by yet, versions that are not kept any more, and the way back from each."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from recommender.catalog import Game
from recommender.errors import DamagedModel, NoModel
from recommender.evaluate import SplitSettings
from recommender.evidence import Evidence
from recommender.experiment import By, Experiment
from recommender.held_out import keys_of
from recommender.registry import Registry
from recommender.version import Card
from tests import worlds

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EVIDENCE = Evidence(keys_of("abc"), np.array([[0.1, 0.2, np.nan]] * 3, np.float32), SplitSettings())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


Publish = Callable[..., Card]


@pytest.fixture
def publish(registry: Registry) -> Publish:
    def published(day: int, *, promote: bool = True, evidence: Evidence | None = EVIDENCE) -> Card:
        return registry.publish(
            worlds.model(),
            worlds.GAMES,
            created=NOW + day * DAY,
            metrics={},
            fingerprint=f"day {day}",
            synthetic=False,
            players=142,
            evidence=evidence,
            rows=900,
            recipe="r",
            promote=promote,
        )

    return published


def renew(registry: Registry, day: float) -> Card:
    made = registry.publish_catalog([*worlds.GAMES, Game(950, f"Of day {day}")], created=NOW + day * DAY)
    assert made is not None
    return made


def versions(registry: Registry) -> list[str]:
    return [card.version for card in registry.versions()]


def test_a_candidate_answers_nobody_until_it_is_promoted(registry: Registry, publish: Publish) -> None:
    first, candidate = publish(0), publish(1, promote=False)
    before = registry.current(), registry.candidates()
    registry.promote(candidate.version)

    assert before == (first.version, [candidate.version])
    assert (registry.current(), registry.candidates()) == (candidate.version, [])
    assert registry.roll_back() == first.version


def test_the_first_version_may_be_a_candidate(registry: Registry, publish: Publish) -> None:
    candidate = publish(0, promote=False)
    with pytest.raises(NoModel, match="indiean train"):
        registry.current()
    registry.promote(candidate.version)

    assert registry.open_current().version == candidate.version


def test_what_is_written_of_a_fit_is_read_again(registry: Registry, publish: Publish) -> None:
    card = publish(0)
    found = registry.evidence(card.version)

    assert registry.card(card.version) == card
    assert (card.rows, card.recipe, card.fitted) == (900, "r", NOW)
    assert found is not None
    assert np.array_equal(found.keys, EVIDENCE.keys)
    assert np.array_equal(found.ndcg_10, EVIDENCE.ndcg_10, equal_nan=True)
    assert found.split == EVIDENCE.split


def test_a_version_that_was_not_measured_has_no_evidence(registry: Registry, publish: Publish) -> None:
    assert registry.evidence(publish(0, evidence=None).version) is None


def test_evidence_is_sealed(registry: Registry, publish: Publish) -> None:
    card = publish(0)
    path = registry._root / card.version / "evidence.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(DamagedModel, match="evidence"):
        registry.evidence(card.version)
    assert registry.open(card.version).version == card.version  # it answers all the same


def test_a_new_catalogue_keeps_the_evidence_and_the_moment_of_the_fit(registry: Registry, publish: Publish) -> None:
    card = publish(0)
    renewed = renew(registry, 1)
    found = registry.evidence(renewed.version)

    assert (renewed.fitted, renewed.rows, renewed.recipe) == (card.fitted, 900, "r")
    assert found is not None
    assert np.array_equal(found.keys, EVIDENCE.keys)


def test_a_candidate_that_is_refused_goes_and_nothing_else_does(registry: Registry, publish: Publish) -> None:
    first, candidate = publish(0), publish(1, promote=False)
    with pytest.raises(NoModel, match="no candidate"):
        registry.discard(first.version)
    registry.discard(candidate.version)

    assert versions(registry) == [first.version]
    with pytest.raises(NoModel, match="no candidate"):
        registry.discard(candidate.version)


def test_what_was_left_over_is_swept_away_but_not_what_was_rolled_back(registry: Registry, publish: Publish) -> None:
    first, second = publish(0), publish(1)
    registry.roll_back()
    left = publish(2, promote=False)
    (registry._root / ".new-killed").mkdir()

    assert registry.sweep() == [left.version, ".new-killed"]
    assert versions(registry) == [second.version, first.version]
    assert registry.sweep() == []


def test_while_somebody_writes_nothing_half_written_is_swept(registry: Registry, publish: Publish) -> None:
    publish(0)
    (registry._root / ".new-being-written").mkdir()
    handle = os.open(registry._root / ".writing", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH)

    assert registry.sweep() == []
    os.close(handle)
    assert registry.sweep() == [".new-being-written"]


def test_sweeping_where_nothing_was_ever_published_makes_nothing(registry: Registry) -> None:
    assert (registry.sweep(), registry.keep(3), registry._root.exists()) == ([], [], False)


def test_versions_of_an_experiment_stay(registry: Registry, publish: Publish) -> None:
    old, other = publish(0), publish(5, promote=False)
    for day in range(1, 5):
        publish(day)
    registry.experiments.begin(Experiment("x", old.version, other.version, By.HALVES, NOW))

    assert registry.sweep() == []
    registry.keep(2)
    assert {old.version, other.version} < set(versions(registry))


def test_the_newest_are_kept(registry: Registry, publish: Publish) -> None:
    made = [publish(day).version for day in range(5)]

    assert registry.keep(3) == made[:2]
    assert versions(registry) == made[:1:-1]
    assert registry.keep(3) == []


def test_what_is_in_service_and_what_was_before_stay_however_old(registry: Registry, publish: Publish) -> None:
    made = [publish(day).version for day in range(5)]
    registry.promote(made[1])
    registry.promote(made[0])

    registry.keep(2)

    assert registry.roll_back() == made[1]
    assert set(versions(registry)) == {made[0], made[1], made[3], made[4]}


def test_a_candidate_is_not_counted_among_the_kept(registry: Registry, publish: Publish) -> None:
    made = [publish(day).version for day in range(3)]
    candidate = publish(3, promote=False).version

    assert registry.keep(2) == made[:1]
    assert candidate in versions(registry)


def test_with_a_catalogue_a_day_the_model_before_is_still_there(registry: Registry, publish: Publish) -> None:
    """A month of nights, each with a new catalogue and then a new model."""
    for day in range(30):
        publish(day)
        renew(registry, day + 0.5)
        registry.keep(2)
    in_service = registry.card(registry.current())
    assert in_service.matrix_of is not None
    found = in_service
    for _ in range(10):
        if found.fingerprint == in_service.fingerprint:
            found = registry.card(registry.roll_back())

    assert found.fingerprint == "day 28"
    assert registry.open_current().version == found.version
    assert len([card for card in registry.versions() if card.matrix_of is None]) == 2


def test_rolling_back_passes_over_versions_that_are_gone(registry: Registry, publish: Publish) -> None:
    made = [publish(day).version for day in range(4)]
    registry.keep(2)

    assert registry.roll_back() == made[2]
    with pytest.raises(NoModel, match="roll back"):
        registry.roll_back()


def test_a_model_whose_base_is_gone_still_answers_with_its_catalogue(registry: Registry, publish: Publish) -> None:
    publish(0)
    renewed = renew(registry, 1)
    for day in range(2, 6):
        publish(day)
    registry.promote(renewed.version)
    registry.keep(2)

    assert registry.open_current().version == renewed.version
    assert renew(registry, 7).matrix_of == renewed.matrix_of
