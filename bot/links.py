"""Links to games that pass by our own web server, so that it is known which picks are opened; see `bot.clicks`."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

GO = "/go"
"""The path under which the links stand."""
LONGEST = 250
"""Characters of a link: more of them on every card of a page would be too much for one message of a chat."""

_VERSION = "1"
_SIGNATURE_BYTES = 12
_TOKEN = re.compile(
    r"1\.(?P<answer>[0-9A-Za-z_-]{1,40})\.(?P<position>[0-9]{1,4})\.(?P<app_id>[0-9]{1,10})\.(?P<mac>[0-9A-Za-z_-]{16})"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A game in an answer: the id of the request that it was logged under, the place (from 1), the app id."""

    answer: str
    position: int
    app_id: int


@dataclass(frozen=True, slots=True)
class Links:
    """Signs what a link is about with `secret`, and knows its own again. They hold for as long as the secret does.

    A token is `1.ANSWER.POSITION.APP.SIGNATURE`, the signature 96 bits of an HMAC-SHA256 (RFC 2104; RFC 4868 allows
    half of it, NIST SP 800-107 wants 32 bits at least), so that nobody can make up clicks of answers never given.
    """

    public_url: str
    secret: bytes = field(repr=False)

    def of(self, shown: Shown) -> str | None:
        """None where there is no link for it: an id that fits none, or an address that would be too long."""
        said = f"{_VERSION}.{shown.answer}.{shown.position}.{shown.app_id}"
        token = f"{said}.{self._signature(said)}"
        address = f"{self.public_url.rstrip('/')}{GO}/{token}"
        return address if _TOKEN.fullmatch(token) and len(address) <= LONGEST else None

    def read(self, token: str) -> Shown | None:
        """None where it is none that was signed with this secret."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        said = token.rpartition(".")[0]
        if not hmac.compare_digest(self._signature(said), found["mac"]):
            return None
        return Shown(found["answer"], int(found["position"]), int(found["app_id"]))

    def _signature(self, said: str) -> str:
        whole = hmac.digest(self.secret, f"indiean link {said}".encode(), "sha256")
        return urlsafe_b64encode(whole[:_SIGNATURE_BYTES]).decode()
