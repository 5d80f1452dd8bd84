"""A Slack on 127.0.0.1 that the real SDK and Bolt talk to, refusing what Slack refuses."""

from __future__ import annotations

from tests.loopback_slack.exchange import Exchange, Step, Unanswered
from tests.loopback_slack.messages import Body, Message
from tests.loopback_slack.people import Member, NotOffered
from tests.loopback_slack.rendering import render, render_view
from tests.loopback_slack.server import LoopbackSlack
from tests.loopback_slack.world import Channel, Refused, Team, View

__all__ = [
    "Body",
    "Channel",
    "Exchange",
    "LoopbackSlack",
    "Member",
    "Message",
    "NotOffered",
    "Refused",
    "Step",
    "Team",
    "Unanswered",
    "View",
    "render",
    "render_view",
]
