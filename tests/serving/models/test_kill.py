"""kill -9 at random moments of admission, use, rollback and switch: what was told happened, and once."""

from __future__ import annotations

import os
import random
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from scoring.bundle import read_files
from serving.models.admission import admit_bundle
from serving.models.service_models import ServiceModels
from serving.settings import Settings
from serving.storage import open_database
from tests.serving.faults import victims
from tests.serving.faults.test_kill import Victim
from tests.serving.models.desks import FIRST, SECOND, Credulous, make_desk, settings_in, take_in

POINTS = int(os.environ.get("FANGFAN_KILL_POINTS", "16"))


def change_models(told: Connection, settings: Settings, bundles: list[Path]) -> None:
    """Admit, use, roll back and switch without end; each change that was acknowledged is told."""
    desk = make_desk(settings)
    told.send("ready")
    number = desk.models.state().number
    while True:
        for bundle in bundles:
            folder = desk.store.path(read_files(bundle).manifest.version)
            if folder.exists() and number % 3 == 0:
                # Altered, so that the admission replaces it; at once, as it may be killed in the midst of it.
                altered = settings.jobs_folder.parent / "altered"
                altered.write_bytes(b"{}")
                folder.chmod(0o755)
                altered.replace(folder / "line.json")
            admit_bundle(desk.store, bundle, (), Credulous())
            take_in(desk, bundle)
            state = desk.models.state()
            if state.current is None or state.current.version != folder.name:
                release = desk.use(folder.name, "next")
                told.send((release.seq, release.sha256))
        number = desk.rollback("back").seq
        told.send((number, desk.models.log.page(1)[0].sha256))
        for is_on in (False, True):
            if desk.models.state().is_on is not is_on:
                release = desk.switch("switch", is_on=is_on)
                told.send((release.seq, release.sha256))


@pytest.mark.parametrize("kind", ["sqlite"])
def test_changes_are_whole_or_not_there(
    kind: str, tmp_path: Path, bundle_dir: Path, second_dir: Path
) -> None:
    forks: ForkServerContext = victims.start_server(bundle_dir)
    settings = settings_in(tmp_path)
    engine = open_database(settings.database_url)
    desk = make_desk(settings, engine)
    rng = random.Random(20261102)
    acknowledged: dict[int, str] = {}
    for _ in range(POINTS):
        victim = Victim(forks, change_models, settings, [bundle_dir, second_dir])
        told, is_done = victim.kill_after(rng.uniform(0.02, 0.6))
        assert not is_done
        for number, sha256 in told:
            assert acknowledged.setdefault(number, sha256) == sha256
        entries = {one.seq: one.sha256 for one in desk.models.log.entries()}
        assert acknowledged.items() <= entries.items()
        assert desk.models.log.verify(desk.audit) == []
        assert desk.audit.verify().faults == ()
        state = desk.models.state()
        for pick in (state.current, state.previous):
            if pick is not None:
                # A folder is whole where it is; while it is being replaced it is not there.
                folder = desk.store.path(pick.version)
                if folder.exists() and (folder / "line.json").read_bytes() != b"{}":
                    assert read_files(folder).sha256 == pick.sha256
    assert len(acknowledged) >= POINTS
    # The next admission mends what a kill left, and the service goes on.
    for bundle, version in ((bundle_dir, FIRST), (second_dir, SECOND)):
        assert take_in(desk, bundle).version == version
    current = desk.models.state().current
    desk.use(FIRST if current is None or current.version == SECOND else SECOND, "after all")
    assert desk.verify(False, lambda done, total: None) == []
    left = {one.name for one in desk.store.folder.iterdir()}
    assert {one for one in left if one.startswith(".admitting-")} == set()
    models = ServiceModels(desk.models.log, desk.store, None)
    picked = models.state().current
    assert picked is not None
    assert models.load(picked).manifest.version == picked.version
    engine.dispose()
