"""`indiean serve`: the bot where people are, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial

from bot.app import connected, running
from bot.commands.command import Desk
from bot.cooldowns import Cooldowns
from bot.discord.connections import Connect
from bot.errors import NotSetUp
from bot.hosting.farewell import last_resort
from bot.hosting.following import following
from bot.hosting.garbage import settled
from bot.hosting.gauges import of_backlog, of_learning, of_loop, of_model, of_platforms
from bot.hosting.learning import learning
from bot.hosting.links import routes_of
from bot.hosting.log_lines import logging_lines
from bot.hosting.metrics import Metrics
from bot.hosting.platforms import chats
from bot.hosting.posters import status_poster
from bot.hosting.readiness import Ready
from bot.hosting.scheduling import scheduling, timetabled
from bot.hosting.serving import Platform, listening, stopped_by_signals
from bot.hosting.serving import serve as keep_up
from bot.hosting.ticks import Ticks, ticking
from bot.hosting.turns import short_turns
from bot.settings import Settings, read_settings
from bot.slack.pace import Pace
from bot.web import web_app
from bot.web_health import health_routes
from jobs.learner import Learner
from jobs.timetable import TIMETABLE
from recommender.registry import Registry
from recommender.resident import placed
from recommender.served import Served
from storage.accounts import Accounts
from storage.database import Database
from storage.runs import Outcome, Run, Runs

log = logging.getLogger(__name__)

NO_CHAT = (
    "no chat is set up: set INDIEAN_DISCORD_TOKEN, or INDIEAN_SLACK_BOT_TOKEN and INDIEAN_SLACK_APP_TOKEN "
    "(`indiean doctor` says where to get them), or talk to the bot here with `indiean chat`"
)

Chats = Callable[[Settings, Desk], AbstractAsyncContextManager[Sequence[Platform]]]


def serve() -> None:
    """Answer in every chat that is set up, until SIGTERM or Ctrl-C; what is under way is still answered."""
    settings = read_settings()
    if settings.discord_token is None and not settings.on_slack:
        raise NotSetUp(NO_CHAT)
    served = _registry(settings).open_current()
    served.prepare()
    pace = Pace()
    with logging_lines(sys.stderr, settings.secrets(), settings.log_format), settled(), short_turns():
        asyncio.run(serving(settings, served, partial(chats, pace=pace), last_resort, pace))


async def serving(
    settings: Settings,
    served: Served,
    chats: Chats,
    told_to: Callable[[], None] = lambda: None,
    pace: Pace | None = None,
) -> None:
    """Until a signal comes, at which `told_to` is called. `pace` is that of the chats on Slack.

    Raises:
        BotError: see `bot.hosting.serving`.
        DatabaseError: see `bot.app.running`.
    """
    stop = asyncio.Event()
    ticks, metrics = Ticks(), Metrics()
    with stopped_by_signals(stop, told_to):
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(connected(settings))
            desk = await opened.enter_async_context(
                running(settings, served, cooldowns=_cooldowns(settings), database=database)
            )
            desk = replace(desk, metrics=metrics)
            learner = desk.learner
            assert learner is not None
            await opened.enter_async_context(following(_registry(settings), desk.engine, swapped=learner.wake))
            await opened.enter_async_context(learning(learner, settings.learn_every))
            if settings.jobs:
                pace = pace or Pace()
                poster = opened.enter_context(status_poster(settings, pace))
                keeper = timetabled(settings, database, poster, pace, engine=desk.engine)
                scheduler = await opened.enter_async_context(keeper)
                await opened.enter_async_context(scheduling(scheduler, stop))
            connect = _connect(settings, desk.accounts)
            if connect is not None:
                await opened.enter_async_context(connect)
            platforms = await opened.enter_async_context(chats(settings, replace(desk, connect=connect)))
            if settings.web_port:
                _watched(metrics, desk, learner, database, ticks, platforms, settings)
                ready = Ready(lambda: desk.engine.served.version, database, platforms, stop)
                routes = [route for platform in platforms for route in platform.routes]
                routes += [*routes_of(settings, desk), *health_routes(ready, metrics)]
                place = listening(web_app(connect, routes=routes), settings.web_host, settings.web_port)
                log.info("the web server answers on %s", await opened.enter_async_context(place))
            log.info("model %s answers on %s", served.version, ", ".join(each.name for each in platforms))
            async with ticking(ticks):
                await keep_up(platforms, stop)
    log.info("everything under way is done")


def _registry(settings: Settings) -> Registry:
    """Of models that answer from the GPU's memory where the settings and the machine have one."""
    return Registry(settings.models, partial(placed, device=settings.device))


def _watched(
    metrics: Metrics,
    desk: Desk,
    learner: Learner,
    database: Database,
    ticks: Ticks,
    platforms: Sequence[Platform],
    settings: Settings,
) -> None:
    fitted = _registry(settings).fitted
    metrics.watch(lambda: of_loop(ticks))
    metrics.watch(lambda: of_model(desk.engine.served, fitted))
    metrics.watch(lambda: of_backlog(desk.logs, desk.lake))
    metrics.watch(lambda: of_learning(learner.learning))
    metrics.watch(lambda: of_platforms(platforms))
    metrics.watch_jobs(partial(_last_runs, Runs(database)))


async def _last_runs(runs: Runs) -> list[Run]:
    found = [await runs.latest(job.name) for job in TIMETABLE]
    return [run for run in found if run is not None and run.outcome is not Outcome.NEW]


def _cooldowns(settings: Settings) -> Cooldowns:
    return Cooldowns(settings.member_per_minute, settings.server_per_minute, timedelta(minutes=1))


def _connect(settings: Settings, accounts: Accounts) -> Connect | None:
    client_id, secret, public = settings.discord_client_id, settings.discord_client_secret, settings.public_url
    if client_id is None or secret is None or public is None:
        return None
    return Connect(client_id, secret, str(public), str(settings.discord_api_url), accounts)
