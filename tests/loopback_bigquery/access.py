"""Who may come in: a service account whose key is made here, and the tokens that its signature buys."""

from __future__ import annotations

import json
import secrets
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

AUDIENCE = "https://oauth2.googleapis.com/token"
"""Whom assertions are addressed to, wherever `token_uri` leads."""
EMAIL = "loopback@a-project.iam.gserviceaccount.com"


class Access:
    """Without `closed` everybody may come in, as with `AnonymousCredentials`. `refusal` is what tokens are answered."""

    def __init__(self) -> None:
        self.closed = False
        self.refusal: str | None = None
        self._tokens: set[str] = set()

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def write_account(self, path: Path, token_url: str, project: str) -> Path:
        """A service-account file as the console of Google writes it."""
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {"type": "service_account", "project_id": project, "private_key_id": "1", "client_email": EMAIL}
        path.write_text(json.dumps(account | {"private_key": key.decode(), "token_uri": token_url}))
        return path

    def token(self, form: bytes) -> tuple[int, dict[str, object]]:
        """The answer of the token endpoint to a signed assertion."""
        assertion = parse_qs(form.decode())["assertion"][0]
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            claims = jwt.decode(assertion, certs=public, audience=AUDIENCE)  # type: ignore[no-untyped-call]
        except ValueError:
            self.refusal = self.refusal or "Invalid JWT Signature."
            claims = {}
        if self.refusal is not None or claims.get("iss") != EMAIL:
            return 400, {"error": "invalid_grant", "error_description": self.refusal or "Invalid issuer."}
        token = secrets.token_hex(16)
        self._tokens.add(token)
        return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def admits(self, authorization: str) -> bool:
        return not self.closed or authorization.removeprefix("Bearer ") in self._tokens

    def forget_tokens(self) -> None:
        self._tokens.clear()
