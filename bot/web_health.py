"""What machines ask a bot that serves: whether it can answer people, and how it has done so far."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.hosting.metrics import Metrics
from bot.hosting.readiness import Ready


def health_routes(ready: Ready, metrics: Metrics) -> Sequence[web.RouteDef]:
    """GET /readyz, 200 or 503 with what is missing as JSON, and GET /metrics, in the text format of Prometheus."""

    async def readyz(_: web.Request) -> web.Response:
        found = await ready.look()
        status = HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response(found.as_dict(), status=status)

    async def numbers(_: web.Request) -> web.Response:
        return web.Response(body=await metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/readyz", readyz), web.get("/metrics", numbers)]
