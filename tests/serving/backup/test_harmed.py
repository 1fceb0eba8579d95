"""A backup that was cut, changed or made up is found out, whoever made its manifest agree."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from serving.access.audit_key import load_audit_key
from serving.backup.checking import check_backup
from serving.backup.making import make_backup
from serving.backup.manifest import BackupError, Manifest
from tests.serving.backup.harm import in_database, rewrite
from tests.serving.backup.stock import order_of, settings_of, silent, stock


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    root = tmp_path_factory.mktemp("sound")
    (root / "backups").mkdir()
    made = settings_of(root)
    stock(made)
    path, _ = make_backup(order_of(made), root / "backups", silent)
    return path, load_audit_key(made.audit_key_path, is_begun=True)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255), is_cut=st.booleans())
def test_a_byte_that_changes_is_found(
    sound: tuple[Path, bytes], tmp_path: Path, share: float, mask: int, is_cut: bool
) -> None:
    path, key = sound
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        members = [(one.offset, one.offset_data + one.size) for one in tar]
    # Beyond the last member there is padding, which carries nothing.
    first, last = 0, members[-1][1]
    at = first + int(share * (last - first))
    if is_cut:
        content = content[:at]
    else:
        content[at] ^= mask
    harmed = tmp_path / "harmed.tar"
    harmed.write_bytes(content)
    try:
        checked = check_backup(harmed, key, silent, scratch_database=None, programs=None)
    except BackupError:
        return
    # What no check can see: the padding after a member and the parts of a header that carry nothing.
    with tarfile.open(path) as old, tarfile.open(harmed) as new:
        for one in old:
            source, now = old.extractfile(one), new.extractfile(one.name)
            assert source is not None
            assert now is not None
            assert source.read() == now.read()
    assert checked.faults == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM audit_entry WHERE seq = 3", "audit_entry has 4 rows, not 5"),
        ("UPDATE audit_entry SET outcome = 'done' WHERE seq = 2", "entry 2: is not what was written"),
        ("UPDATE audit_head SET seal = 'x'", "seal does not fit"),
        ("DELETE FROM job", "job has 0 rows, not 2"),
        ("UPDATE alembic_version SET version_num = '9999'", "none that this version can work with"),
    ],
)
def test_a_database_that_was_changed_is_found_though_the_manifest_agrees(
    sound: tuple[Path, bytes], statement: str, said: str
) -> None:
    path, key = sound
    harmed = rewrite(path, in_database(statement))
    faults = check_backup(harmed, key, silent, scratch_database=None, programs=None).faults
    assert any(said in one for one in faults), faults


def test_without_the_key_the_seal_is_said_to_be_unchecked(sound: tuple[Path, bytes]) -> None:
    path, _ = sound
    checked = check_backup(path, None, silent, scratch_database=None, programs=None)
    assert checked.faults == ()
    assert "seal" in checked.unchecked[0]
    other = check_backup(path, bytes(32), silent, scratch_database=None, programs=None)
    assert "not the one" in other.faults[0]


@pytest.mark.parametrize("kind", ["outside", "absolute", "link", "twice", "extra"])
def test_members_that_no_backup_has_are_refused(sound: tuple[Path, bytes], tmp_path: Path, kind: str) -> None:
    path, key = sound
    harmed = tmp_path / "inner" / "harmed.tar"
    harmed.parent.mkdir()
    with tarfile.open(path) as old, tarfile.open(harmed, "w") as new:
        for one in old:
            new.addfile(one, old.extractfile(one))
        names = {"outside": "../escaped", "absolute": str(tmp_path / "escaped"), "twice": "database"}
        entry = tarfile.TarInfo(names.get(kind, "jobs/x/extra"))
        if kind == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        new.addfile(entry, io.BytesIO())
    with pytest.raises(BackupError):
        check_backup(harmed, key, silent, scratch_database=None, programs=None)
    assert not (tmp_path / "escaped").exists()
    assert [one.name for one in harmed.parent.iterdir()] == ["harmed.tar"]


def test_a_manifest_of_another_format_is_refused() -> None:
    for text in ("", "[]", "{}", '{"format": 2}', '{"format": "1"}', '{"format": 1, "files": 3}', "null"):
        with pytest.raises(BackupError):
            Manifest.read(text)
