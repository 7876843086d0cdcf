# SPDX-License-Identifier: MIT
"""Who may see which city.

On this computer's own address everybody who has an account on it may see all. On others a key is
asked for: a file has a line for each, with its SHA-256 and the cities that it opens.
"""

import base64
import hashlib
import hmac
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tirta.errors import TirtaError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ALL = "*"
_HINT = (
    'A key is `[[key]]` with `sha256 = "…"`, of `printf %s KEY | sha256sum`, and'
    ' `cities = ["bandung"]`, or ["*"] for all.'
)


class _Key(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    cities: Annotated[list[str], Field(min_length=1)]


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[list[_Key], Field(min_length=1)]


@dataclass(frozen=True)
class Gate:
    """`keys` are (SHA-256 of the key, its cities); without any, all may be seen. `hosts` are the
    names that a browser may call this service by: None, any.
    """

    keys: tuple[tuple[str, frozenset[str]], ...] = ()
    hosts: frozenset[str] | None = frozenset(LOOPBACK)

    @classmethod
    def of(cls, path: Path) -> "Gate":
        """Read a file of keys. Raises TirtaError."""
        try:
            found = _Keys.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:  # pydantic's and tomllib's are ValueErrors
            where = ""
            if isinstance(error, ValidationError):
                where = f": {'.'.join(map(str, error.errors()[0]['loc']))}"
            raise TirtaError(f"{path} is no file of keys{where}.", _HINT) from error
        return cls(tuple((k.sha256, frozenset(k.cities)) for k in found.key), None)

    def cities(self, authorization: str) -> frozenset[str] | None:
        """Return the cities that a header opens; None where it opens all. Raises KeyError where it
        opens none.
        """
        if not self.keys:
            return None
        told = hashlib.sha256(_key_of(authorization)).hexdigest()
        opened = [c for known, c in self.keys if hmac.compare_digest(known, told)]
        if not opened:
            raise KeyError
        return None if any(ALL in c for c in opened) else frozenset().union(*opened)


class Gatekeeper:
    """Lets a request in that only reads, calls us by our name, and has a key."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not let in; pass on what is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await (refusal or self._app)(scope, receive, sent)

    def _refusal(self, request: Request) -> Response | None:
        if request.method not in {"GET", "HEAD"}:
            return PlainTextResponse("tirta serve only reads", 405, {"Allow": "GET, HEAD"})
        if self._gate.hosts is not None and request.url.hostname not in self._gate.hosts:
            return PlainTextResponse("tirta serve is not called so here", 421)
        try:
            request.state.cities = self._gate.cities(request.headers.get("authorization", ""))
        except KeyError:
            asks = {"WWW-Authenticate": 'Basic realm="tirta: any name, and your key"'}
            return PlainTextResponse("a key is needed", 401, asks)
        return None


def _key_of(authorization: str) -> bytes:
    """The key of a header: `Bearer KEY`, or the password of `Basic`."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            pass
    return b""
