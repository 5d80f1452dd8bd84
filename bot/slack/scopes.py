"""What the bot may do in a workspace."""

from __future__ import annotations

SCOPES = ("chat:write", "commands", "files:write", "im:write", "links:read", "links:write", "users:read")
"""For the page on which a workspace installs it and for its manifest alike."""
