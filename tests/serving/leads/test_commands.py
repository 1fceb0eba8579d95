"""The commands from a stored run to lists, misses and clusters, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scoring.bundle import MANIFEST
from scoring.capacity import Capacity, CapacityEntry, Quota
from serving.__main__ import app
from serving.access.audit_key import load_audit_key
from serving.errors import ServingError
from serving.storage import AssessmentStore, AuditLog, open_database
from serving.storage.worklists import WorklistStore
from serving.worklists.capacity import find_manifest, get_capacity
from tests.serving.leads.conftest import PLATFORM, VILLAGE, a_body


def asked(*words: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.stdout)
    return made


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/s.db"
    monkeypatch.setenv("FANGFAN_AUDIT_KEY_FILE", str(tmp_path / "audit.key"))
    store = AssessmentStore(open_database(url))
    store.save_release("m", "0" * 64, 12)
    hits = ("medical_self_paid",)
    bodies = [
        a_body(f"H{n}", n / 100, "high" if n > 18 else "low", hits if n == 3 else ()) for n in range(1, 21)
    ]
    store.save(bodies, [VILLAGE] * 20)
    store.engine.dispose()
    return url


def test_from_a_run_to_a_list(database: str, tmp_path: Path) -> None:
    where = ["--database", database, "--area", "500999"]
    made = asked("leads", "from-run", *where, "--on", "2026-11-01")
    assert (made["households"], made["new"], made["cases_opened"]) == (3, 3, 3)
    assert asked("leads", "from-run", *where, "--on", "2026-11-01")["new"] == 0
    more = ["--share", "0.2", "--made-on", "2026-11-01", "--seed", "s"]
    dry = asked("worklists", "make", *where, *more, "--dry-run")
    told = asked("worklists", "make", *where, *more)
    assert {**dry, "is_dry_run": False} == told
    (area,) = told["areas"]
    assert (area["visits"], area["hard"], area["score"], area["random"], area["pool"]) == (4, 1, 3, 1, 16)
    assert asked("worklists", "make", *where, *more)["areas"] == [{"area_code": "500999", "is_new": False}]
    engine = open_database(database)
    audit = AuditLog(engine, load_audit_key(tmp_path / "audit.key", is_begun=True))
    page = WorklistStore(engine, audit).page(PLATFORM, VILLAGE)
    assert page is not None
    assert [one.entry.household_id for one in page.items][:4] == ["H3", "H20", "H19", "H18"]
    assert audit.verify().faults == ()
    engine.dispose()
    assert asked("audit-misses", *where)["counties"] == []
    found = asked("clusters", *where, "--as-of", "2026-10-31")
    assert (found["unjudged"], found["clusters"]) == (["500999"], [])
    for words in (
        ["worklists", "make", *where, *more],
        ["audit-misses", *where],
        ["clusters", *where],
        ["leads", "from-run", *where],
    ):
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["worklists", "make", "--area", "500999"], "--bundle"),
        (["worklists", "make", "--area", "500999", "--share", "7"], "--share"),
        (["worklists", "make", "--area", "x", "--share", "0.1"], "--area"),
        (["worklists", "make", "--area", "520000", "--share", "0.1"], "no such run"),
        (
            ["worklists", "make", "--area", "500999", "--share", "0.1", "--random-share", "2"],
            "--random-share",
        ),
        (["worklists", "make", "--area", "500999", "--share", "0.1", "--made-on", "2026-02-30"], "--made-on"),
        (["audit-misses", "--area", "500999", "--since", "2026-02-02", "--until", "2026-02-01"], "--since"),
        (["clusters", "--area", "500999", "--as-of", "yesterday"], "--as-of"),
    ],
)
def test_what_cannot_be_is_said(database: str, words: list[str], said: str) -> None:
    with pytest.raises(ServingError, match=said):
        CliRunner().invoke(app, [*words, "--database", database], catch_exceptions=False)


def test_the_capacity_is_that_of_the_bundle_that_scored(bundle_dir: Path, tmp_path: Path) -> None:
    version = "test-1"
    with pytest.raises(ServingError, match="made before bundles told"):
        get_capacity(version, None, [bundle_dir])
    told = json.loads((bundle_dir / MANIFEST).read_text())
    capacity = Capacity(Quota(share=0.03), "township")
    told["capacity"] = CapacityEntry.of(capacity).model_dump()
    (tmp_path / version).mkdir()
    (tmp_path / version / MANIFEST).write_text(json.dumps(told))
    # By the folder of a store, whose bundles lie under their versions, and by the bundle's own.
    for folder in (tmp_path, tmp_path / version):
        assert get_capacity(version, None, [tmp_path / "none", folder]) == capacity
    assert find_manifest("another", [tmp_path, bundle_dir]) is None
