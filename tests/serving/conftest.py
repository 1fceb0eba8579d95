"""A small real model, made from random vectors, and a service that runs on it."""

from __future__ import annotations

import copy
import datetime as dt
import logging
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI

from features import FEATURES, feature_version, policy_version
from scoring import Bundle, RiskModel, save_bundle
from scoring.bundle import FeatureEntry, Golden, Manifest, Provenance, golden_frame, golden_outlook
from scoring.calibration import Calibration
from scoring.certainty import Steps, VennAbers
from scoring.grades import GradeBorders
from scoring.line import Blend, Line, Term
from scoring.outlook import OutlookEntry, OutlookModel
from scoring.parts import CERTAINTY, LINE, certainty_text, line_text
from serving.access import Role
from serving.api.documentation import example_request
from serving.app import create_app
from serving.logs import JsonLines
from serving.settings import Settings
from serving.storage import KeyStore
from tests.scoring.outlooks import MADE
from tests.serving.databases import as_the_service_opens_them, quick_databases
from tests.serving.postgres import NoServer, Server, run_server

# httpx asks for it at every request; as it is not there, that would be a search of the whole path each time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

NAMES = tuple(FEATURES)
VERSION = "test-1"

_Told = TypeVar("_Told")


def make_bundle(
    directory: Path, version: str = VERSION, seed: int = 5, outlook: OutlookModel | None = MADE
) -> Bundle:
    """A model of a few trees in which bills, land and members matter."""
    import lightgbm

    rng = np.random.default_rng(seed)
    scale = np.array([8_000.0 if FEATURES[name].is_money else 3.0 for name in NAMES])
    matrix = np.abs(rng.normal(size=(3_000, len(NAMES)))) * scale
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    risk = np.nan_to_num(matrix / scale)[:, [NAMES.index("illness_self_paid_yuan_12m"), 0, 5]].sum(axis=1)
    positive = (rng.random(len(matrix)) < 1 / (1 + np.exp(6 - 2 * risk))).astype(float)
    booster = lightgbm.train(
        {
            "objective": "binary", "num_leaves": 7, "learning_rate": 0.2, "verbose": -1, "num_threads": 1,
            "deterministic": True, "seed": 1,
        },
        lightgbm.Dataset(matrix, positive, feature_name=list(NAMES)),
        40,
    )  # fmt: skip
    text = booster.model_to_string()
    base_rate = float(positive.mean())
    blend = Blend(
        Line(-2.0, tuple(_term(name, matrix[:, at]) for at, name in enumerate(NAMES))), tree_share=0.9
    )
    venn_abers = VennAbers(
        Steps((-2.0, -1.0), (0.0, 0.09, 0.31)), Steps((-2.0, -1.0), (0.11, 0.4, 0.9)), (True,) * len(NAMES)
    )
    model = RiskModel(
        lightgbm.Booster(model_str=text), NAMES, Calibration(), GradeBorders(0.3, 0.1), base_rate, 12, version,
        blend=blend, venn_abers=venn_abers,
        outlook=outlook,
    )  # fmt: skip
    rows = [[None if np.isnan(one) else float(one) for one in row] for row in matrix[:3]]
    divided = golden_outlook(model, rows)
    manifest = Manifest(
        version=version,
        created_at="2026-10-31T00:00:00Z",
        region="CN-50",
        horizon_months=12,
        label="newly verified identification",
        features=[
            FeatureEntry(
                name=one, unit=FEATURES[one].unit, zh=FEATURES[one].zh, en=FEATURES[one].en,
                direction=FEATURES[one].direction,
            )
            for one in NAMES
        ],
        feature_version=feature_version(FEATURES[one] for one in NAMES),
        policy_version=policy_version(),
        slope=1.0,
        intercept=0.0,
        high_from=0.3,
        medium_from=0.1,
        base_rate=base_rate,
        metrics={"roc_auc": 0.8},
        provenance=Provenance(
            train_as_of_dates=["2024-10-31"],
            calibration_as_of_dates=["2025-04-30"],
            test_as_of_dates=["2025-10-31"],
            train_rows=len(matrix),
            train_positives=int(positive.sum()),
            data_sha256="0" * 64,
            git_revision="none",
            libraries={},
            seed=seed,
        ),
        golden=Golden(rows=rows, scores=model.score(golden_frame(rows, NAMES)).tolist()),
        files={},
        outlook=OutlookEntry.make(outlook, divided) if outlook and divided else None,
    )  # fmt: skip
    parts = {LINE: line_text(blend), CERTAINTY: certainty_text(venn_abers, NAMES)}
    return save_bundle(directory, text, manifest, parts=parts)


def _term(name: str, values: np.ndarray) -> Term:
    known = values[~np.isnan(values)]
    weight = 0.1 * FEATURES[name].direction
    return Term(
        name, "signed_log", 0.0, 12.0, float(np.log1p(np.median(known))), 1.0, 2.0, weight, 0.05, 0.1
    )  # fmt: skip


class Client:
    """A synchronous client of an application in this process, its start and end included.

    It has a key of a platform for everywhere; a request with headers of its own may have another. As in a
    service, one loop lives as long as the application: threads for the work are not started for each request.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._loop = start_blocking_portal()

    def __enter__(self) -> Self:
        self._portal = self._loop.__enter__()
        self._lifespan = self.app.router.lifespan_context(self.app)
        self.run(self._enter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.run(self._leave())
        finally:
            self._loop.__exit__(kind, error, trace)

    def run(self, work: Coroutine[Any, Any, _Told]) -> _Told:
        """What some work comes to in the application's loop."""
        told: _Told = self._portal.call(lambda: work)
        return told

    def request(self, method: str, url: str, **given: Any) -> httpx.Response:
        return self.run(self._http.request(method, url, **given))

    def get(self, url: str, **given: Any) -> httpx.Response:
        return self.request("GET", url, **given)

    def page(self, url: str) -> httpx.Response:
        return self.get(url, headers={"Accept": "text/html,application/xhtml+xml"})

    def post(self, url: str, **given: Any) -> httpx.Response:
        return self.request("POST", url, **given)

    def score(self, body: bytes | str, content_type: str = "application/json") -> httpx.Response:
        return self.post("/v1/scores", content=body, headers={"Content-Type": content_type})

    async def _enter(self) -> None:
        await self._lifespan.__aenter__()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.headers = self.make_key()
        self._http = httpx.AsyncClient(
            transport=transport, base_url="http://service.test", headers=self.headers
        )

    def make_key(self, role: Role = Role.PLATFORM, area: str | None = "*") -> dict[str, str]:
        """The header of a new key."""
        made, _ = KeyStore(self.app.state.store.engine).add(role, area, "test", dt.timedelta(days=1))
        return {"Authorization": f"Bearer {made.text}"}

    async def _leave(self) -> None:
        await self._http.aclose()
        await self._lifespan.__aexit__(None, None, None)


@pytest.fixture(autouse=True)
def failures_tell_their_place() -> Iterator[None]:
    """What the service logs of a failure, beside the test that it happened in: the record's text says little."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    handler.setLevel(logging.ERROR)
    log = logging.getLogger("fangfan")
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with quick_databases(tmp_path_factory.mktemp("databases")):
        yield


@pytest.fixture
def as_in_service() -> Iterator[None]:
    """For tests of the database's own file."""
    with as_the_service_opens_them():
        yield


@pytest.fixture(scope="session")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bundle") / "champion"
    make_bundle(directory)
    return directory


@pytest.fixture(scope="session")
def settings(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    database = tmp_path_factory.mktemp("database") / "scores.db"
    return Settings(bundle_dir=bundle_dir, database_url=f"sqlite:///{database}", max_body_bytes=200_000)


@pytest.fixture(scope="session")
def client(settings: Settings) -> Iterator[Client]:
    with Client(create_app(settings)) as made:
        assert made.app.state.champion.wait(300)
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    try:
        with run_server() as server:
            yield server
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of each kind; a test that takes it runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/scores.db"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def body() -> dict[str, Any]:
    """A request that scores, to be changed at will."""
    return copy.deepcopy(example_request())


def a_household(key: str, *, self_paid: float = 500) -> dict[str, Any]:
    """One household of a request, healthy but for a bill."""
    known = {"occurred_on": "2021-03-01", "known_on": "2021-03-20"}
    member = {
        **known, "born_on": "1980-05-01", "labour": "ordinary", "disability_grade": 0,
        "has_chronic_illness": False, "school": "none",
    }  # fmt: skip
    return {
        "household_id": key,
        "signals": {
            "household": [{**known, "village_code": "500999100201", "background": "other", "land_mu": 3}],
            "member": [{**member, "member_id": f"{key}-{n}"} for n in range(3)],
            "illness": [
                {
                    "occurred_on": "2026-03-14", "known_on": "2026-05-10", "member_id": f"{key}-0",
                    "care": "inpatient", "total_yuan": self_paid * 2, "reimbursed_yuan": self_paid / 2,
                    "self_paid_yuan": self_paid, "is_serious_disease": False,
                }
            ],
        },
    }  # fmt: skip


def a_request(*households: dict[str, Any], silent: tuple[str, ...] = ()) -> dict[str, Any]:
    """A request for these households, every feed covered but the `silent` ones."""
    made = example_request()
    made["households"] = list(households)
    made["coverage"] = [row for row in made["coverage"] if row["feed"] not in silent]
    return made


@pytest.fixture
def as_of() -> dt.date:
    return dt.date(2026, 10, 31)
