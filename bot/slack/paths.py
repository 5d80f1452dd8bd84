"""Where the bot's web server is asked for what has to do with Slack."""

from __future__ import annotations

EVENTS = "/slack/events"
"""Slack delivers everything there that goes over the web."""
INSTALL = "/slack/install"
"""Whoever wants the bot in their workspace begins there."""
REDIRECT = "/slack/oauth_redirect"
"""And comes back there from Slack."""
