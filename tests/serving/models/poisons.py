"""Five hundred bundles that must not be admitted: each a real one, harmed in one way.

Without signing keys a manifest that was written anew for another model *is* another bundle; such harm is
found by the golden rows where it changes a score, and by the signature alone where it does not. So what
touches the manifest without being seen there is tried on a store with keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scoring.bundle import MANIFEST, MODEL, SIGNATURE
from scoring.parts import CERTAINTY, LINE
from scoring.signature import PURPOSE, sign_bundle

HASHED = (MODEL, LINE, CERTAINTY)
Harm = Callable[[Path, Random], None]
MARK = "FANGFAN_TEST_MARK"
CODE = f"import os, pathlib\npathlib.Path(os.environ[{MARK!r}]).write_text('run')\n"


@dataclass(frozen=True)
class Poison:
    """One harm; `is_signed` says whether the store asks for a signature, `codes` how it may be refused."""

    name: str
    harm: Harm
    is_signed: bool
    codes: frozenset[str]


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def rehash(folder: Path, **changes: object) -> None:
    """Write the manifest for the files as they are now."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest |= changes
    manifest["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["files"]
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def truncate(names: tuple[str, ...]) -> Harm:
    def harm(folder: Path, rng: Random) -> None:
        path = folder / rng.choice(names)
        content = path.read_bytes()
        _write(path, content[: rng.randrange(len(content.rstrip()))])

    return harm


def flip_bit(names: tuple[str, ...]) -> Harm:
    def harm(folder: Path, rng: Random) -> None:
        path = folder / rng.choice(names)
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content.rstrip()))] ^= 1 << rng.randrange(8)
        _write(path, bytes(content))

    return harm


def change_digit(names: tuple[str, ...]) -> Harm:
    def harm(folder: Path, rng: Random) -> None:
        path = folder / rng.choice(names)
        content = bytearray(path.read_bytes())
        at = rng.choice([place for place, one in enumerate(content) if chr(one).isdigit()])
        content[at] = rng.choice([one for one in b"0123456789" if one != content[at]])
        _write(path, bytes(content))

    return harm


def swap_features(folder: Path, rng: Random) -> None:
    """Two features change places in the manifest, as if the columns had been mixed up."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    features = manifest["features"]
    one, other = rng.sample(range(len(features)), 2)
    features[one], features[other] = features[other], features[one]
    rehash(folder, features=features)


def swap_columns(folder: Path, rng: Random) -> None:
    """The same in the model's text, with a manifest written for it."""
    text = (folder / MODEL).read_text(encoding="utf-8")
    line = next(one for one in text.splitlines() if one.startswith("feature_names="))
    names = line.removeprefix("feature_names=").split(" ")
    one, other = rng.sample(range(len(names)), 2)
    names[one], names[other] = names[other], names[one]
    _write(folder / MODEL, text.replace(line, "feature_names=" + " ".join(names)).encode())
    rehash(folder)


def change_leaves(folder: Path, rng: Random) -> None:
    """One digit of each leaf of a tree, with a manifest written for it: only the golden rows tell."""
    text = (folder / MODEL).read_text(encoding="utf-8")
    lines = re.findall(r"^leaf_value=.*$", text, re.MULTILINE)
    line = rng.choice(lines)
    changed = [
        re.sub("[1-9]", lambda found: str(int(found[0]) % 9 + 1), one, count=1)
        for one in line.removeprefix("leaf_value=").split(" ")
    ]
    _write(folder / MODEL, text.replace(line, "leaf_value=" + " ".join(changed)).encode())
    rehash(folder)


def change_golden(folder: Path, rng: Random) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    scores = manifest["golden"]["scores"]
    scores[rng.randrange(len(scores))] *= 1 - 10.0 ** -rng.randrange(2, 9)
    rehash(folder, golden=manifest["golden"])


def region_without_policy(folder: Path, rng: Random) -> None:
    rehash(folder, region=rng.choice(("XX-9", "", "../policy")))


def cut_and_rehash(folder: Path, rng: Random) -> None:
    """A cut text with a manifest written for it: LightGBM would read on in the memory behind."""
    content = (folder / MODEL).read_bytes()
    _write(folder / MODEL, content[: int(len(content) * rng.uniform(0.2, 0.6))])
    rehash(folder)


def foreign_file(folder: Path, rng: Random) -> None:
    names = (
        "sitecustomize.py", "usercustomize.py", "model.pkl", "MLmodel", "conda.yaml", "model.txt.bak", ".env",
        "__init__.py", "features.py", "numpy.py", "manifest.json~", "sibling-10.txt", "model.so", "zzz.pth",
    )  # fmt: skip
    _write(folder / rng.choice(names), CODE.encode())


def no_plain_file(folder: Path, rng: Random) -> None:
    path = folder / rng.choice((*HASHED, MANIFEST))
    content = path.read_bytes()
    path.unlink()
    kind = rng.randrange(3)
    if kind == 0:
        outside = folder.parent / "outside"
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif kind == 1:
        os.mkfifo(path)
    else:
        path.mkdir()


def code_folder(folder: Path, rng: Random) -> None:
    name = rng.choice(("code", "lightgbm", "numpy", "scoring", "features", "serving", "json", "__pycache__"))
    (folder / name).mkdir()
    for file in ("__init__.py", "__main__.py", "model.py"):
        (folder / name / file).write_text(CODE, encoding="utf-8")


def wrong_signature(folder: Path, rng: Random) -> None:
    path = folder / SIGNATURE
    match rng.randrange(5):
        case 0:
            path.unlink()
        case 1:
            sign_bundle(folder, Ed25519PrivateKey.generate())
        case 2:
            _write(path, rng.randbytes(rng.randrange(90)))
        case 3:
            # Signed for a manifest that came before this one.
            manifest = json.loads((folder / MANIFEST).read_bytes())
            rehash(folder, created_at=f"{manifest['created_at']}!{rng.random()}")
        case _:
            _write(path, path.read_bytes()[:-4])


def signed_for_something_else(key: Ed25519PrivateKey) -> Harm:
    """The right key's signature over the manifest alone, as another program might have made it."""
    import base64

    def harm(folder: Path, rng: Random) -> None:
        content = (folder / MANIFEST).read_bytes()
        message = content if rng.random() < 0.5 else PURPOSE.replace(b"1", b"2") + content
        _write(folder / SIGNATURE, base64.b64encode(key.sign(message)))

    return harm


def poisons(key: Ed25519PrivateKey) -> Iterator[Poison]:
    """All of them; `key` is the one whose signature the base bundle has."""
    files, foreign = frozenset({"files_refused"}), frozenset({"foreign_files"})
    signature, trial = frozenset({"signature_refused"}), frozenset({"trial_refused"})
    either = files | signature
    with_manifest = (*HASHED, MANIFEST, SIGNATURE)
    for count, name, harm, is_signed, codes in (
        (51, "truncated", truncate(HASHED), False, files),
        (30, "manifest truncated", truncate((MANIFEST,)), False, files),
        (40, "truncated, signed", truncate(with_manifest), True, either),
        (70, "flipped bit", flip_bit(HASHED), False, files),
        (50, "flipped bit, signed", flip_bit(with_manifest), True, either),
        (60, "changed digit", change_digit(HASHED), False, files),
        (40, "changed digit, signed", change_digit((MANIFEST,)), True, signature),
        (20, "leaves changed, rehashed", change_leaves, False, trial),
        (10, "leaves changed, rehashed, signed", change_leaves, True, signature),
        (15, "golden rows changed", change_golden, False, trial),
        (20, "swapped features", swap_features, False, files),
        (10, "swapped columns", swap_columns, False, trial),
        (10, "swapped columns, signed", swap_columns, True, signature),
        (2, "cut and rehashed", cut_and_rehash, False, files),
        (3, "region without a policy", region_without_policy, False, trial),
        (22, "foreign file", foreign_file, False, foreign),
        (12, "no plain file", no_plain_file, False, foreign),
        (15, "code folder", code_folder, False, foreign),
        (10, "wrong signature", wrong_signature, True, signature),
        (10, "signed for something else", signed_for_something_else(key), True, signature),
    ):
        for _ in range(count):
            yield Poison(name, harm, is_signed, codes)
