# SPDX-License-Identifier: MIT
"""The page of all cities as a service over HTTP, for reading only.

Every answer is made from what the gathering has at that moment. A browser hears on /events when
that has changed, and asks again. Who may see which city, the gate says before anything else.
"""

import asyncio
import contextlib
import json
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from tirta import __version__
from tirta.district import membership
from tirta.errors import TirtaError
from tirta.fleet import questions, sensorthings
from tirta.fleet.gate import Gate, Gatekeeper
from tirta.fleet.gathering import Gathering
from tirta.fleet.metrics import metrics
from tirta.fleet.questions import MOST_ROWS, SORTS, WRONGS, Question
from tirta.fleet.sensorthings import SensorThings
from tirta.fleet.words import spoken, words
from tirta.text.translation import ENGLISH, languages

REFRESH_S = 2.0
_BEAT_S = 15.0  # a proxy closes what is silent for longer
_MOST_WORDS = 200  # letters
_KINDS = {"page.js": "text/javascript", "page.css": "text/css"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REPORT_KEPT_S = 600.0
MakeReport = Callable[[Path, Path | None, Path], object]  # archive, district file, where to


@dataclass(frozen=True)
class Serving:
    """What a service has: all nodes, who may see them, and what makes a district's report."""

    fleet: Gathering
    gate: Gate
    report: MakeReport
    trouble: Callable[[TirtaError], object]
    lake: Path | None = None  # that has what the archives have not


def application(serving: Serving, refresh_s: float = REFRESH_S) -> Starlette:
    """Make the application; while it runs it looks every `refresh_s` what has changed."""
    service = _Service(serving, refresh_s)
    things = SensorThings(serving.fleet, serving.lake)
    return Starlette(
        routes=[
            Route("/", service.page),
            Route("/page.js", service.asset),
            Route("/page.css", service.asset),
            Route("/api/fleet", service.sums),
            Route("/api/nodes", service.nodes),
            Route("/events", service.events),
            Route("/report/{city}/{district}", service.district_report),
            Route("/metrics", service.prometheus),
            Route(sensorthings.ROOT, things.answer),
            Route(f"{sensorthings.ROOT}/{{path:path}}", things.answer),
        ],
        middleware=[
            Middleware(Gatekeeper, gate=serving.gate),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
        lifespan=service.lifespan,
        exception_handlers={TirtaError: _told},
    )


async def _told(_request: Request, error: Exception) -> Response:
    if not isinstance(error, TirtaError):
        raise error
    return JSONResponse({"what": error.what, "hint": error.hint}, 400)


class _Service:
    def __init__(self, serving: Serving, refresh_s: float) -> None:
        self._fleet = serving.fleet
        self._serving = serving
        self._refresh_s = refresh_s
        self._changed = asyncio.Condition()
        self._making = threading.Lock()  # of reports: one at a time
        self._made: dict[tuple[str, str], float] = {}
        self._folder = Path()
        self._ends = False
        environment = Environment(
            loader=PackageLoader("tirta.fleet", "assets"), autoescape=True,
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._template = environment.get_template("page.html")
        self._assets = {
            f"/{name}": (files("tirta.fleet").joinpath("assets", name).read_bytes(), kind)
            for name, kind in _KINDS.items()
        }

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="tirta-serve-") as folder:
            self._folder = Path(folder)
            task = asyncio.create_task(self._watch())
            yield
            self._ends = True
            task.cancel()

    async def _watch(self) -> None:
        """Look what has changed, and wake who listens."""
        told = False
        while True:
            await asyncio.sleep(self._refresh_s)
            try:
                changed = await run_in_threadpool(self._fleet.refresh)
                told = False
            except TirtaError as error:
                if not told:
                    self._serving.trouble(error)
                told, changed = True, False
            if changed:
                async with self._changed:
                    self._changed.notify_all()

    async def page(self, request: Request) -> Response:
        """Give the page, in the language of the browser or of ?lang=."""
        header = request.headers.get("accept-language", "")
        code = spoken(request.query_params.get("lang"), header)
        text = self._template.render(
            words=words(code), code=code, languages=[ENGLISH, *languages()], version=__version__
        )
        return HTMLResponse(
            text,
            headers={"Content-Security-Policy": _POLICY, "Vary": "Accept-Language"},
        )

    async def asset(self, request: Request) -> Response:
        """Give the page's script or style."""
        content, kind = self._assets[request.url.path]
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    def sums(self, request: Request) -> Response:
        """Give sums by city, and of one city by district."""
        wanted = _wanted(request)
        now = time.time()
        cities = questions.by_city(self._fleet, replace(wanted, city=None, district=None), now)
        shown, districts = cities, []
        if wanted.city is not None:
            shown = districts = questions.by_district(
                self._fleet, replace(wanted, district=None), now
            )
        if wanted.district is not None:
            shown = [one for one in districts if one.district == wanted.district]
        return JSONResponse({
            "revision": self._fleet.revision, "now": int(now),
            "total": questions.total(cities), "shown": questions.total(shown),
            "cities": [one.as_json() for one in cities],
            "districts": [one.as_json() for one in districts],
        })  # fmt: skip

    def nodes(self, request: Request) -> Response:
        """Give rows of nodes."""
        now = time.time()
        count, rows = questions.nodes(self._fleet, _wanted(request), now)
        return JSONResponse({"now": int(now), "count": count, "nodes": rows})

    async def events(self, _request: Request) -> Response:
        """Tell, as long as the browser listens, when something has changed."""

        async def tell() -> AsyncIterator[str]:
            seen = -1
            while not self._ends:
                try:
                    async with asyncio.timeout(_BEAT_S), self._changed:
                        await self._changed.wait_for(partial(self._is_after, seen))
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                seen = self._fleet.revision
                yield f"data: {json.dumps({'revision': seen})}\n\n"

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(tell(), media_type="text/event-stream", headers=headers)

    def _is_after(self, revision: int) -> bool:
        return self._fleet.revision != revision

    def district_report(self, request: Request) -> Response:
        """Give a district's report, made at most once in ten minutes."""
        city, district = request.path_params["city"], request.path_params["district"]
        archive = self._fleet.archive(city)
        if archive is None or not _may_see(request, city):
            raise HTTPException(404)
        file = membership.files(archive).get(district)
        if file is None:
            raise HTTPException(404)
        with self._making:
            made = self._made.get((city, district))
            path = self._folder / f"{city}-{district}.html"
            if made is None or time.monotonic() - made > _REPORT_KEPT_S:
                self._serving.report(archive, file, path)
                self._made[city, district] = time.monotonic()
        return FileResponse(path, media_type="text/html")

    def prometheus(self, request: Request) -> Response:
        """Give the figures of all cities that may be seen."""
        content = metrics(self._fleet, Question(cities=request.state.cities), time.time())
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")


def _may_see(request: Request, city: str) -> bool:
    return request.state.cities is None or city in request.state.cities


def _wanted(request: Request) -> Question:
    """What a browser asks for; what makes no sense is 400."""
    told = request.query_params
    wrong, sort = told.get("wrong") or None, told.get("sort") or "worst"
    try:
        first, count = int(told.get("first", "0")), int(told.get("count", "100"))
    except ValueError as error:
        raise HTTPException(400, "first and count are whole numbers") from error
    if wrong not in (None, *WRONGS) or sort not in SORTS:
        raise HTTPException(400, "there is no such state or column")
    if not (0 <= first < 1 << 40 and 0 <= count <= MOST_ROWS):
        raise HTTPException(400, f"count is at most {MOST_ROWS}")
    return Question(
        told.get("city"), told.get("district"), wrong, told.get("q", "")[:_MOST_WORDS], sort,
        told.get("desc") == "1", first, count, request.state.cities,
    )  # fmt: skip
