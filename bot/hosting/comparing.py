"""The engine compares the two versions that the registry says, and no others, and none that are not whole."""

from __future__ import annotations

import asyncio
import logging

from bot.hosting.opening import at_hand
from recommender.engine import Engine
from recommender.errors import DamagedModel, NoModel
from recommender.experiment import Experiment
from recommender.registry import Registry
from recommender.service import Trial

log = logging.getLogger(__name__)


async def look_at_experiment(registry: Registry, engine: Engine) -> None:
    """Begins and ends comparing where the file says something else than the engine does.

    An experiment one of whose versions is gone or damaged is ended for every process, and the version in service
    answers everybody: people never notice.

    Raises:
        OSError: the registry cannot be read, or not be written where the experiment has to be ended.
    """
    try:
        wanted = await asyncio.to_thread(registry.experiments.running)
    except DamagedModel as damage:
        await _end(None, damage, registry, engine)
        return
    try:
        if wanted is None:
            _leave(engine)
        else:
            await _keep_up(wanted, registry, engine)
    except (DamagedModel, NoModel) as damage:
        await _end(wanted, damage, registry, engine)


def _leave(engine: Engine) -> None:
    if engine.service.trial is not None:
        engine.compare(None)
        log.info("no models are compared any more, %s answers", engine.served.version)


async def _keep_up(wanted: Experiment, registry: Registry, engine: Engine) -> None:
    """Raises NoModel, DamagedModel."""
    await asyncio.to_thread(registry.experiments.require, wanted)
    trial = engine.service.trial
    if trial is not None and trial.experiment == wanted:
        return
    a, b = [await at_hand(registry, engine, version) for version in wanted.versions]
    engine.compare(Trial(wanted, a, b))
    log.info("models %s and %s are compared by %s from now on", wanted.a, wanted.b, wanted.by)


async def _end(wanted: Experiment | None, why: Exception, registry: Registry, engine: Engine) -> None:
    log.warning("the experiment is ended, and model %s answers: %s", engine.served.version, why)
    engine.compare(None)
    await asyncio.to_thread(registry.experiments.end, wanted.id if wanted is not None else None)
