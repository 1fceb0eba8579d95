"""The service put together: the only place where its parts meet. Importing this does nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from serving import console
from serving.access.audit_key import load_audit_key
from serving.access.gate import Gate
from serving.access.local import Access
from serving.access.openapi import add_access
from serving.api import (
    health,
    households,
    inference,
    invocations,
    jobs,
    measures,
    metrics,
    model_card,
    scores,
    what_if,
)
from serving.api.documentation import drop_framework_problems
from serving.bulk import JobFolders
from serving.champion import Champion
from serving.drain import Drain
from serving.errors import Problem, problem_of_status, problem_response
from serving.exchange import current_exchange
from serving.guard import Guard
from serving.jobs import JobQueue
from serving.metrics.meters import Meters
from serving.metrics.state import ServiceState
from serving.settings import Settings
from serving.storage import (
    AssessmentStore,
    AuditLog,
    KeyStore,
    UsualStore,
    VillageStore,
    is_begun,
    open_database,
)

_MACHINES = ("/v1/", "/v2", "/invocations", "/ping", "/health/", "/metrics", "/openapi.json")


def create_app(settings: Settings) -> FastAPI:
    """The service. Its model begins to load when the server starts it; until then it answers 503.

    Raises `StorageError` when the database cannot be opened, `SettingsError` where jobs have no folder,
    `AccessError` where the audit log has another key.
    """
    engine = open_database(settings.database_url)
    audit = open_audit(engine, settings)
    store = AssessmentStore(engine, audit)
    gate = Gate(KeyStore(engine), settings.access)
    folders = JobFolders(settings.jobs_folder)
    folders.prepare()
    desk = jobs.JobDesk(JobQueue(store.engine, most_open=settings.max_jobs), folders, settings)
    champion = Champion(settings.bundle_dir)
    meters, drain = Meters(), Drain()
    meters.watch(engine)
    pages = console.Pages(is_open=settings.access is Access.OPEN)

    def respond(request: Request, problem: Problem) -> Response:
        if (exchange := current_exchange()) is not None:
            exchange.problem = problem.code
        if not request.url.path.startswith(_MACHINES) and "text/html" in request.headers.get("accept", ""):
            return pages.problem(request, problem)
        return problem_response(problem)

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(request, error)

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(request, problem_of_status(error.status_code, error.headers))

    async def on_validation_error(request: Request, error: Exception) -> Response:
        return respond(request, Problem("request_invalid"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        champion.start()
        yield
        store.engine.dispose()

    app = FastAPI(
        title="防返 Fangfan",
        description="返贫风险早期预警：评分只用于安排入户核实，不作任何认定。 Early warning against the "
        "return to poverty: a score only asks for a household visit. Every error is "
        "`application/problem+json`.",
        version="1",
        lifespan=lifespan,
        dependencies=[Depends(gate.admit)],
        middleware=[Middleware(Guard, respond=respond, meters=meters, drain=drain)],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_error,
            RequestValidationError: on_validation_error,
        },
        # The interactive pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the address, and an address holds a household's key.
        redirect_slashes=False,
        # It would record addresses, submitted values and error messages wherever a provider is set up.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.champion = champion
    app.state.store = store
    app.state.drain = drain
    app.include_router(health.router(champion, store))
    villages, usual = VillageStore(store.engine), UsualStore(store.engine)
    app.include_router(scores.router(champion, villages, usual, settings))
    app.include_router(what_if.router(champion, villages, settings))
    app.include_router(invocations.router(champion, settings))
    app.include_router(inference.router(champion, settings))
    app.include_router(measures.router(champion))
    app.include_router(model_card.router(champion))
    app.include_router(households.router(store))
    app.include_router(jobs.router(desk, store))
    app.include_router(metrics.router(meters, ServiceState(engine, champion, drain, settings)))
    app.include_router(console.router(pages, store))
    app.mount("/static", console.static_files(), name="static")
    describe = app.openapi
    # Written once, like the framework's own.
    app.openapi = cache(lambda: add_access(drop_framework_problems(describe())))  # type: ignore[method-assign]
    return app


def open_audit(engine: Engine, settings: Settings) -> AuditLog:
    """The audit log with its key; raises `AccessError` where the two do not belong together."""
    try:
        key = load_audit_key(settings.audit_key_path, is_begun=is_begun(engine))
        audit = AuditLog(engine, key)
        audit.check_key()
    except BaseException:
        engine.dispose()
        raise
    return audit
