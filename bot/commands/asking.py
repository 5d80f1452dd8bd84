"""Who asks, as the engine has to know it while two models are compared."""

from __future__ import annotations

from bot.messages import Request
from recommender.experiment import Asker


def asker(request: Request) -> Asker:
    """Of a group it is who asked for all."""
    return Asker(f"{request.person.platform}:{request.person.id}", request.id, request.versions)
