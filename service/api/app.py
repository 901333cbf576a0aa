"""The HTTP application: routes under ``/v1``, problems, and headers that keep answers out of caches."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from service.api import aggregates, datasets, evidence, identity, pii, problems, quality, rights, scores
from service.api.jobs import Jobs
from service.api.sealing import Sealing
from service.api.uploads import BodyLimit
from service.ports import Deps

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def create_app(deps: Deps) -> FastAPI:
    """The application over a composed service."""
    jobs, sealing = Jobs(), Sealing(deps.audit)
    app = FastAPI(
        title="Fiduciary",
        version="1",
        summary="Customer data for consumer finance: consent in, private aggregates and signed evidence out.",
        responses=problems.described(),
        on_startup=[sealing.start],
        on_shutdown=[jobs.close, sealing.close],
        docs_url=None,  # the stock pages load scripts from a content delivery network
        redoc_url=None,
    )
    app.state.deps, app.state.jobs = deps, jobs
    problems.install(app)
    for module in (datasets, pii, quality, aggregates, scores, identity, rights, evidence):
        app.include_router(module.router, prefix="/v1")

    app.add_middleware(BodyLimit)

    @app.middleware("http")
    async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @app.get("/healthz", tags=["operations"], summary="Whether the process runs")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", tags=["operations"], summary="Whether effects are possible: the log can append")
    def readyz() -> dict[str, Any]:
        size = sum(head.size for head in deps.audit.heads())  # raises when a log takes no entries any more
        now = int(deps.clock.now().timestamp())
        ages = {name: now - at if at else None for name, at in deps.audit.cosigned().items()}
        return {"status": "ready", "sealed_entries": size, "cosigned_seconds_ago": ages}

    return app
