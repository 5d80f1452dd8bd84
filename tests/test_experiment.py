"""Two versions side by side: each person on one side for good, each answer of the right model, and none dropped."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from recommender.engine import Answer, Engine, interleaved
from recommender.errors import DamagedModel, ExperimentRefused, NoModel
from recommender.experiment import Asker, By, Experiment, new_experiment, read, written
from recommender.experiments import FILE
from recommender.registry import Registry
from recommender.served import Served
from recommender.service import Service, Trial
from recommender.shelf import Wish
from recommender.updates import NOTHING
from tests import worlds
from tests.test_engine import LIBRARY, marked
from tests.test_engine_learning import FITTED, LATE, served_of
from tests.test_registry import Publish, folder, model, publish, registry  # noqa: F401 - fixtures

SINCE = datetime(2026, 5, 1, 12, tzinfo=UTC)
HALVES = Experiment("e1", "a", "b", By.HALVES, SINCE)
NONE = Answer((), "knows nothing")
INTERLEAVED = replace(HALVES, by=By.INTERLEAVING)
PEOPLE = [f"discord:{at}" for at in range(2000)]


@pytest.fixture
def engine() -> Iterator[Engine]:
    found = Engine(marked("in service"))
    yield found
    found.close()


def trial(experiment: Experiment) -> Trial:
    return Trial(experiment, marked("a"), marked("b"))


def asker(person: str = "discord:1", answer: str = "1", *versions: str) -> Asker:
    return Asker(person, answer, versions)


def marks(answer: Answer) -> set[str]:
    return {pick.game.title.split()[0] for pick in answer.picks}


def test_people_are_halved_by_a_hash_that_another_experiment_salts_anew() -> None:
    here = [HALVES.side_of(person) for person in PEOPLE]
    there = [replace(HALVES, id="e2").side_of(person) for person in PEOPLE]
    both = Counter(zip(here, there, strict=True))

    assert abs(Counter(here)["a"] - 1000) < 3 * 2000**0.5 / 2
    assert all(abs(n - 500) < 80 for n in both.values())
    assert len(both) == 4


def test_a_side_is_the_same_in_every_process_and_version_of_the_bot() -> None:
    assert "".join(HALVES.side_of(person) for person in PEOPLE[:8]) == "bbbbabba"


def test_what_is_written_is_read_back() -> None:
    made = new_experiment("v1", "v2", By.INTERLEAVING, SINCE)

    assert read(written(made)) == made
    assert made.id != new_experiment("v1", "v2", By.INTERLEAVING, SINCE + timedelta(seconds=1)).id


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"id": "1"}', written(HALVES).replace("halves", "x"), written(HALVES)[:-20]]
)
def test_what_is_no_experiment_is_refused(text: str) -> None:
    with pytest.raises(DamagedModel, match="--stop"):
        read(text)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(DamagedModel, match="--stop"):
        read(written(HALVES).replace("+00:00", ""))


def test_a_version_is_not_compared_with_itself() -> None:
    with pytest.raises(ExperimentRefused, match="two versions"):
        new_experiment("v1", "v1", By.HALVES, SINCE)


async def test_by_halves_each_person_always_has_the_same_version(engine: Engine) -> None:
    engine.compare(trial(HALVES))
    for person in PEOPLE[:20]:
        answers = [await engine.recommend(LIBRARY, Wish(), 3, asker(person, str(at))) for at in range(3)]
        assert {answer.version for answer in answers} == {HALVES.side_of(person)}
        assert [marks(answer) for answer in answers] == [{HALVES.side_of(person)}] * 3
        assert all(pick.version is None for answer in answers for pick in answer.picks)


async def test_for_a_group_and_for_what_is_like_a_game_it_is_the_asker_s_side(engine: Engine) -> None:
    engine.compare(trial(HALVES))
    for person in PEOPLE[:10]:
        together = await engine.together([LIBRARY, LIBRARY], Wish(), 3, asker(person))
        similar = await engine.similar(worlds.game("Static"), Wish(), 3, asker(person))
        assert together.version == similar.version == HALVES.side_of(person)


async def test_who_is_nobody_in_particular_and_themes_and_titles_have_the_version_in_service(engine: Engine) -> None:
    engine.compare(trial(INTERLEAVED))
    answers = [await engine.recommend(LIBRARY, Wish(), 3), await engine.curate("Puzzle", Wish(), 3)]

    assert [answer.version for answer in answers] == ["in service"] * 2
    assert engine.served.version == "in service"


async def test_an_interleaved_list_has_picks_of_both_which_say_whose_they_are(engine: Engine) -> None:
    engine.compare(trial(INTERLEAVED))
    seen = Counter[str | None]()
    for at in range(200):
        answer = await engine.recommend(LIBRARY, Wish(), 5, asker("discord:1", str(at)))
        ids = [pick.game.app_id for pick in answer.picks]
        assert len(set(ids)) == len(ids) == 5
        assert [pick.game.title.split()[0] for pick in answer.picks] == [pick.version for pick in answer.picks]
        assert abs(sum(pick.version == "a" for pick in answer.picks) - 2.5) == 0.5
        seen[answer.picks[0].version] += 1

    assert abs(seen["a"] - 100) < 3 * 200**0.5 / 2


async def test_the_same_answer_is_interleaved_the_same_way_again(engine: Engine) -> None:
    engine.compare(trial(INTERLEAVED))
    answers = [await engine.recommend(LIBRARY, Wish(), 5, asker("discord:1", "7")) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]


async def test_where_one_model_knows_nothing_the_other_answers_and_nobody_is_credited(engine: Engine) -> None:
    known = await engine.similar(worlds.game("Static"), Wish(), 4)
    answers = [interleaved(*both, k=4, flip=lambda: True) for both in ((known, NONE), (NONE, known))]

    assert answers == [known, known]
    assert (known.version, len(known.picks)) == ("in service", 4)


async def test_a_later_page_is_of_what_its_first_page_was(engine: Engine) -> None:
    person = next(person for person in PEOPLE if HALVES.side_of(person) == "a")
    engine.compare(trial(HALVES))
    other = await engine.recommend(LIBRARY, Wish(), 3, asker(person, "2", "b"))
    before = await engine.recommend(LIBRARY, Wish(), 3, asker(person, "2", "in service"))
    gone = await engine.recommend(LIBRARY, Wish(), 3, asker(person, "2", "last week's"))
    engine.compare(trial(INTERLEAVED))
    both = await engine.recommend(LIBRARY, Wish(), 4, asker(person, "2", "a", "b"))
    one = await engine.recommend(LIBRARY, Wish(), 4, asker(person, "2", "a"))
    engine.compare(None)
    ended = await engine.recommend(LIBRARY, Wish(), 3, asker(person, "2", "a", "b"))

    assert (other.version, before.version, gone.version) == ("b", "in service", "a")
    assert marks(both) == {"a", "b"}
    assert (marks(one), marks(ended)) == ({"a"}, {"in"})


async def test_a_promotion_meanwhile_changes_what_is_in_service_and_nobody_s_side(engine: Engine) -> None:
    engine.compare(trial(HALVES))
    before = [await engine.recommend(LIBRARY, Wish(), 3, asker(person)) for person in PEOPLE[:10]]
    engine.swap(marked("promoted"))
    after = [await engine.recommend(LIBRARY, Wish(), 3, asker(person)) for person in PEOPLE[:10]]
    anybody = await engine.recommend(LIBRARY, Wish(), 3)

    assert before == after
    assert anybody.version == "promoted"


async def test_a_request_under_way_finishes_on_the_models_it_began_with() -> None:
    engine = Engine(marked("old", seconds=0.1))
    engine.compare(Trial(INTERLEAVED, marked("a", seconds=0.1), marked("b", seconds=0.1)))
    under_way = asyncio.create_task(engine.recommend(LIBRARY, Wish(), 4, asker()))
    await asyncio.sleep(0.02)

    engine.compare(None)
    engine.swap(marked("new"))

    answer = await under_way
    engine.close()
    assert marks(answer) == {"a", "b"}


async def test_under_a_storm_of_switches_no_request_is_dropped_and_each_pick_is_of_its_version() -> None:
    engine = Engine(marked("v0", seconds=0.001), threads=4)
    versions = {name: marked(name, seconds=0.001) for name in ("v0", "v1", "a", "b")}
    answers: list[Answer] = []

    async def ask(person: int) -> None:
        for at in range(20):
            who = asker(f"discord:{person}", f"{person}-{at}")
            answers.append(await engine.recommend(LIBRARY, Wish(), 4, who))

    async def switch() -> None:
        for at in range(60):
            engine.swap(versions[f"v{at % 2}"])
            experiment = (None, HALVES, INTERLEAVED)[at % 3]
            engine.compare(Trial(experiment, versions["a"], versions["b"]) if experiment else None)
            await asyncio.sleep(0.002)

    await asyncio.gather(switch(), *(ask(person) for person in range(8)))
    engine.close()

    assert len(answers) == 8 * 20
    assert len({answer.version for answer in answers}) >= 3
    assert any(pick.version for answer in answers for pick in answer.picks)
    for answer in answers:
        assert [pick.game.title.split()[0] for pick in answer.picks] == [
            pick.version or answer.version for pick in answer.picks
        ]
        assert len(answer.picks) == 4


async def test_each_version_that_answers_learns_by_its_name_and_no_other() -> None:
    a, b = served_of(len(FITTED), "a"), served_of(len(FITTED), "b")
    engine = Engine(a)
    engine.compare(Trial(HALVES, a, b))
    before = matrix(a).copy()

    taken = await engine.learn("b", LATE), await engine.learn("c", LATE)
    learned_b = engine.service.of("b")
    assert await engine.learn("a", LATE)

    service = engine.service
    assert taken == (True, False)
    assert learned_b is not None
    assert service.trial is not None
    assert service.served is service.trial.a
    np.testing.assert_allclose(matrix(service.trial.a), matrix(service.trial.b), atol=1e-6)
    np.testing.assert_array_equal(matrix(a), before)
    assert np.abs(matrix(learned_b) - before).max() > 1e-3
    assert await engine.forget("b", LATE)
    engine.compare(None)
    assert not await engine.learn("b", dict.fromkeys(LATE, NOTHING))
    engine.close()


def matrix(served: Served) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return served.scorer.inverse  # type: ignore[attr-defined, no-any-return]


def test_a_version_that_is_not_at_hand_is_nowhere() -> None:
    assert Service(marked("a")).of("b") is None


def test_an_experiment_runs_until_it_is_ended_and_only_one_at_a_time(registry: Registry, publish: Publish) -> None:  # noqa: F811
    a, b = publish(0).version, publish(1).version
    first = new_experiment(a, b, By.HALVES, SINCE)
    experiments = registry.experiments
    assert experiments.running() is None
    assert not experiments.end()

    experiments.begin(first)
    with pytest.raises(ExperimentRefused, match="--stop"):
        experiments.begin(replace(first, id="other"))

    assert experiments.running() == first
    assert not experiments.end("other")
    assert experiments.end(first.id)
    assert experiments.running() is None


@pytest.mark.parametrize("name", ["nowhere", "../models", "", ".", "current"])
def test_a_version_that_does_not_exist_is_not_compared(registry: Registry, publish: Publish, name: str) -> None:  # noqa: F811
    with pytest.raises(NoModel, match="models list"):
        registry.experiments.begin(new_experiment(publish(0).version, name, By.HALVES, SINCE))

    assert registry.experiments.running() is None


def test_versions_that_are_compared_are_kept_when_catalogues_are_removed(registry: Registry, publish: Publish) -> None:  # noqa: F811
    base = publish(0)
    games = list(registry.open(base.version).catalog)
    made = []
    for day in range(1, 7):
        card = registry.publish_catalog(
            [*games[:2], replace(games[2], year=2000 + day)], created=SINCE + timedelta(day)
        )
        assert card is not None
        made.append(card.version)
        if day == 1:
            registry.experiments.begin(new_experiment(base.version, made[0], By.HALVES, SINCE))
    kept = {card.version for card in registry.versions()}

    assert kept == {base.version, made[0], *made[-3:]}
    registry.experiments.end()
    registry.publish_catalog(games, created=SINCE + timedelta(9))
    assert made[0] not in {card.version for card in registry.versions()}


def test_a_damaged_experiment_keeps_nothing_and_is_ended_like_any_other(registry: Registry, publish: Publish) -> None:  # noqa: F811
    root = folder(registry, publish(0)).parent
    Path(root, FILE).write_bytes(b"\xff\xfe")

    with pytest.raises(DamagedModel, match="--stop"):
        registry.experiments.running()
    assert registry.experiments.compared() == frozenset()
    assert not registry.experiments.end("e1")
    assert registry.experiments.end()
