"""A desk that takes orders and works them off, and a service that is sent them, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring import Bundle, load_bundle
from serving.settings import Settings
from serving.storage import AssessmentStore, open_database
from tests.serving.jobs.orders import Desk
from tests.serving.jobs.service import Service


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, bundle: Bundle) -> Iterator[Desk]:
    store = AssessmentStore(open_database(database_url))
    yield Desk(store, tmp_path / "jobs", lambda: bundle, chunk=4)
    store.engine.dispose()


@pytest.fixture
def sqlite_desk(tmp_path: Path, bundle: Bundle) -> Iterator[Desk]:
    store = AssessmentStore(open_database(f"sqlite:///{tmp_path}/scores.db"))
    yield Desk(store, tmp_path / "jobs", lambda: bundle, chunk=4)
    store.engine.dispose()


@pytest.fixture
def settings_here(bundle_dir: Path, database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        bundle_dir, database_url, jobs_dir=tmp_path / "jobs", max_jobs=3, max_upload_bytes=3_000_000
    )


@pytest.fixture
def service(settings_here: Settings) -> Iterator[Service]:
    with Service(settings_here) as made:
        yield made


@pytest.fixture
def small(bundle_dir: Path, tmp_path: Path) -> Iterator[Service]:
    """The same on SQLite alone."""
    with Service(
        Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", max_jobs=3, max_upload_bytes=3_000_000)
    ) as made:
        yield made
