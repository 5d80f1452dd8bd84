"""What the app asks a workspace for."""

from __future__ import annotations

SCOPES = ("chat:write", "commands", "files:write", "im:write", "links:read", "links:write", "users:read")
