"""The service put together: the only place where its parts meet. Importing this does nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from serving import console
from serving.access.account_desk import AccountDesk
from serving.access.audit_key import load_audit_key
from serving.access.gate import Gate
from serving.access.local import Access
from serving.access.origin import Origin
from serving.access.route import DirectRoutes
from serving.access.sign_in import SignInDesk
from serving.access.signed_in import SignedIn, SignInRules
from serving.access.token_rules import TokenRules
from serving.access.tokens import TokenReader
from serving.api import (
    areas,
    cases,
    casework,
    clusters,
    elimination,
    health,
    history,
    households,
    identities,
    inference,
    invocations,
    jobs,
    leads,
    measures,
    metrics,
    model_card,
    models,
    plans,
    scores,
    visits,
    what_if,
    worklists,
)
from serving.api.access_documentation import add_access
from serving.api.documentation import drop_framework_problems
from serving.api.stored_scores import StoredScoring
from serving.around import Around
from serving.board import Boards
from serving.bulk import JobFolders
from serving.cases.clocks import china_day
from serving.casework_desk import CaseworkDesk
from serving.champion import Champion
from serving.disclosure import Disclosure
from serving.drain import Drain
from serving.errors import Problem
from serving.exchange import current_exchange
from serving.guard import CLIENT_WENT_AWAY, Guard
from serving.identity.opening import open_identities
from serving.jobs import JobQueue
from serving.kept_models import KeptModels
from serving.map_file import AreaMap
from serving.metrics.feed_ages import FeedAges
from serving.metrics.meters import Meters
from serving.metrics.state import ServiceState
from serving.models.registry_watch import RegistryWatch
from serving.models.service_models import ServiceModels
from serving.problem_answers import problem_of_status, problem_response
from serving.query import check_names
from serving.register import Register
from serving.replay import Replayer
from serving.rescoring import Rescorer
from serving.settings import Settings
from serving.signals_folder import SignalsFolder
from serving.storage import (
    AccountStore,
    AssessmentStore,
    AuditLog,
    HistoryStore,
    KeyStore,
    RunHealthStore,
    SessionStore,
    SummaryStore,
    UsualStore,
    VillageStore,
    is_begun,
    open_database,
)
from serving.storage.cases import CaseStore
from serving.storage.casework import CaseworkStore
from serving.storage.corrections import CorrectionStore
from serving.storage.elimination import EliminationStore
from serving.storage.household_record import RecordStore
from serving.storage.keys import utc_now
from serving.storage.leads import LeadStore
from serving.storage.move_guards import move_guards
from serving.storage.my_list import MyListStore
from serving.storage.plans import PlanStore
from serving.storage.visits import VisitStore
from serving.storage.worklists import WorklistStore
from serving.turns import Turns
from serving.worklists.listing import ListingDesk

_MACHINES = ("/v1/", "/v2", "/invocations", "/ping", "/health/", "/metrics", "/openapi.json")


def create_app(settings: Settings) -> FastAPI:
    """The service. Its model begins to load when the server starts it; until then it answers 503.

    Raises `StorageError` when the database cannot be opened, `SettingsError` where jobs have no folder or
    models none or two, `AccessError` where the audit log has another key, `IdentityError` where identities
    have none.
    """
    area_map = AreaMap.load(settings.map_file)
    engine = open_database(settings.database_url)
    audit = open_audit(engine, settings)
    store = AssessmentStore(engine, audit)
    try:
        desk = open_desk(engine, audit, settings)
        tokens = read_tokens(audit, settings)
        identity_store = open_identities(engine, audit, settings)
    except BaseException:
        engine.dispose()
        raise
    gate = Gate(KeyStore(engine), settings.access, desk.signed_in, tokens)
    folders = JobFolders(settings.jobs_folder)
    folders.prepare()
    # Where access is open everybody is one caller, who shuts nobody out.
    share = settings.max_jobs if settings.access is Access.OPEN else settings.max_jobs_per_caller
    queue = JobQueue(store.engine, most_open=settings.max_jobs, most_per_sender=share)
    job_desk = jobs.JobDesk(queue, folders, settings)
    meters, drain = Meters(), Drain()
    turns = Turns(settings.max_at_once, settings.max_waiting, settings.max_held_bytes)
    direct = DirectRoutes()
    meters.watch(engine)
    champion = Champion(ServiceModels.of(settings, engine))
    watch = RegistryWatch(settings, champion.tell_registry)
    pages = console.Pages(
        is_open=settings.access is Access.OPEN, is_demo=settings.demo, is_off=lambda: champion.is_off,
        name_of=area_map.name,
    )  # fmt: skip

    def respond(request: Request, problem: Problem) -> Response:
        if (exchange := current_exchange()) is not None:
            exchange.problem = problem.code
        if request.url.path.startswith(_MACHINES) or "text/html" not in request.headers.get("accept", ""):
            return problem_response(problem)
        elsewhere = console.account.address_instead(request, problem)
        return RedirectResponse(elsewhere, 303) if elsewhere else pages.problem(request, problem)

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(request, error)

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(request, problem_of_status(error.status_code, error.headers))

    async def on_validation_error(request: Request, error: Exception) -> Response:
        return respond(request, Problem("request_invalid"))

    async def on_error(request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            # Nobody is there to be answered; the guard notes it.
            return Response(status_code=CLIENT_WENT_AWAY)
        return respond(request, Problem("internal_error"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        champion.start()
        watch.start()
        yield
        watch.stop()
        champion.stop()
        desk.close()
        store.engine.dispose()
        if identity_store is not None:
            identity_store.vault.data_keys.engine.dispose()

    app = FastAPI(
        title="防返 Fangfan",
        description="返贫风险早期预警：评分只用于安排入户核实，不作任何认定。 Early warning against the "
        "return to poverty: a score only asks for a household visit. Every error is "
        "`application/problem+json`.",
        version="1",
        lifespan=lifespan,
        dependencies=[Depends(gate.admit), Depends(check_names)],
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_error,
            RequestValidationError: on_validation_error,
            Exception: on_error,
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
    app.state.gate = gate
    app.state.desk = desk
    app.state.identities = identity_store
    app.state.drain = drain
    app.state.turns = turns
    villages, usual = VillageStore(store.engine), UsualStore(store.engine)
    around = Around(villages, usual, settings.lookup_seconds)
    corrections = CorrectionStore(engine, audit)
    past, signals = HistoryStore(store.engine, audit), SignalsFolder(settings.signals_dir, corrections)
    case_store = CaseStore(engine, audit, guards=move_guards())
    register = Register(signals, case_store)
    visit_store, plan_store = VisitStore(engine, audit, case_store), PlanStore(engine, audit)
    eliminations = EliminationStore(engine, audit)
    rescorer = Rescorer(engine, signals, around)
    records = RecordStore(engine, audit)
    work = console.Work(
        store, records, MyListStore(engine, audit, lambda: china_day(utc_now())),
        case_store, register, visit_store, plan_store, corrections, eliminations,
        console.PlanEffects(champion, signals, villages), signals,
        lambda found: rescorer.rescore(champion, found), past,
    )  # fmt: skip
    app.state.work = work
    # Routes are tried in this order, after the direct ones.
    scored = scores.router(champion, around, StoredScoring(signals, past, around), settings, turns)
    app.include_router(direct.add(scored))
    app.include_router(direct.add(inference.scoring_router(champion, settings, turns)))
    app.include_router(invocations.router(champion, settings, turns))
    app.include_router(what_if.router(champion, villages, settings, turns))
    app.include_router(inference.router(champion))
    app.include_router(health.router(champion, store))
    app.include_router(measures.router(champion))
    app.include_router(model_card.router(champion))
    app.include_router(models.router(champion))
    app.include_router(households.router(store))
    replayer = Replayer(villages, usual, RunHealthStore(store.engine))
    app.include_router(history.router(past, replayer, KeptModels(settings.kept_models_path), signals))
    app.include_router(visits.router(visit_store, corrections, rescorer, champion, settings))
    app.include_router(plans.router(plan_store, settings))
    summaries = SummaryStore(store.engine)
    disclosure = Disclosure(summaries)
    app.include_router(areas.router(summaries, disclosure))
    desk_of_casework = CaseworkDesk(CaseworkStore(engine, lambda: china_day(utc_now())))
    boards = Boards(engine, desk_of_casework, summaries, disclosure)
    app.include_router(casework.router(boards))
    app.include_router(identities.router(identity_store, settings))
    app.include_router(cases.router(case_store, records, register, settings))
    app.include_router(elimination.router(eliminations))
    app.include_router(leads.router(LeadStore(engine, audit, case_store), settings))
    app.include_router(worklists.router(WorklistStore(engine, audit), ListingDesk(engine, audit), settings))
    app.include_router(clusters.router(boards))
    app.include_router(jobs.router(job_desk, store))
    app.include_router(metrics.router(meters, ServiceState(engine, champion, drain, settings)))
    office = console.Office(
        boards, area_map, AccountDesk(desk.accounts, audit), audit, champion, RunHealthStore(engine),
        FeedAges(settings.signals_dir) if settings.signals_dir else None,
    )  # fmt: skip
    for one in console.routers(pages, work, identity_store, office):
        app.include_router(one)
    app.include_router(console.account.router(pages, desk, settings.access))
    app.mount("/static", console.static_files(), name="static")
    # Around all of the framework's layers: a direct route passes none of them.
    app.middleware_stack = Guard(app.build_middleware_stack(), respond, meters, drain, turns, direct)
    describe = app.openapi
    # Written once, like the framework's own.
    app.openapi = cache(lambda: add_access(drop_framework_problems(describe()), desk.signed_in.origin))  # type: ignore[method-assign]
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


def open_desk(engine: Engine, audit: AuditLog, settings: Settings) -> SignInDesk:
    """Where people sign in; raises `SettingsError` for a public origin that is none."""
    idle, longest = dt.timedelta(minutes=settings.idle_minutes), dt.timedelta(hours=settings.session_hours)
    rules = SignInRules(frozenset(settings.second_factor_roles), settings.password_days)
    signed_in = SignedIn(SessionStore(engine, idle, longest), Origin(settings.public_origin), rules)
    return SignInDesk(AccountStore(engine), signed_in, audit)


def read_tokens(audit: AuditLog, settings: Settings) -> TokenReader | None:
    """What reads tokens, where an identity provider is set up; raises `SettingsError` for wrong rules."""
    if settings.tokens_file is None:
        return None
    return TokenReader(TokenRules.load(settings.tokens_file), audit.token_holder)
