"""Which addresses are there? The table of routes."""

from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from jobs.web.awaited import awaited
from jobs.web.definitions import get_definition, list_definitions, start_run
from jobs.web.documents import get_document, list_documents
from jobs.web.files import Static, WholeFile
from jobs.web.floor import floor
from jobs.web.log import list_pages, read_log, search_lines, stream_events, stream_panel, tell_rate
from jobs.web.login import login
from jobs.web.managers import Manager, cancel, list_jobs, list_managers, retry
from jobs.web.metrics import metrics
from jobs.web.openapi.document import openapi
from jobs.web.problem import Json
from jobs.web.request import Query


async def healthz(request: Request) -> Response:
    """``GET /healthz``"""
    Query(request)
    state = await to_thread.run_sync(floor(request).engine.health)
    return Json(state, 200 if state["status"] == "ok" else 503)


def routes(static: Path) -> list[BaseRoute]:
    """All routes.

    :param static: the folder of the panel's files
    """

    async def panel(request: Request) -> Response:
        Query(request)
        return WholeFile(static / "index.html", headers={"Cache-Control": "no-cache"})

    return [
        Route("/", panel),
        Mount("/static", Static(directory=static)),
        Route("/definitions", list_definitions),
        Route("/definitions/{name}", get_definition),
        Route("/definitions/{name}/runs", start_run, methods=["POST"]),
        Route("/managers", list_managers),
        Route("/managers/{id}", Manager),
        Route("/managers/{id}/jobs", list_jobs),
        Route("/managers/{id}/events", stream_events),
        Route("/managers/{id}/log", awaited(read_log)),
        Route("/managers/{id}/log/pages", awaited(list_pages)),
        Route("/managers/{id}/log/rate", awaited(tell_rate)),
        Route("/managers/{id}/cancel", cancel, methods=["POST"]),
        Route("/managers/{id}/retry", retry, methods=["POST"]),
        Route("/events", stream_panel),
        Route("/search", awaited(search_lines)),
        Route("/documents", list_documents),
        Route("/documents/{id}", get_document),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/login", login, methods=["POST"]),
    ]
