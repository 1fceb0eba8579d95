"""What is deployed: every setting named, units that systemd takes, a proxy that nginx takes, alerts on real metrics."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import stat
import subprocess
import sys
from configparser import RawConfigParser
from dataclasses import MISSING, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry
from typer.main import get_command
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access.policy import POLICIES
from serving.drain import SPARE_SECONDS
from serving.metrics.meters import Meters
from serving.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TIMERS = sorted((DEPLOY / "systemd").glob("*.timer"))
PYTHON = "/opt/fangfan/bin/python"
RUNBOOK = (ROOT / "docs" / "how-to" / "run-the-service.md").read_text(encoding="utf-8")
COMMAND: Any = get_command(app)


def section(path: Path, name: str = "Service") -> dict[str, list[str]]:
    """The lines of one section; a key may stand several times."""
    found: dict[str, list[str]] = {}
    at = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            at = line.strip("[]")
        elif at == name and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_example_has_every_setting_and_no_other() -> None:
    text = (DEPLOY / "fangfan.env.example").read_text(encoding="utf-8")
    found = dict(re.findall(rf"^#?({PREFIX}[A-Z_]+)=(.*)$", text, re.MULTILINE))
    settings = {f"{PREFIX}{one.name.upper()}": one for one in fields(Settings)}
    assert set(found) == set(settings)
    # It can be read as it is; where it differs from a default, that is meant.
    lines = {name: value for name, value in found.items() if f"\n{name}=" in text}
    made = Settings.from_environment(lines)
    differ = {
        name for name, one in settings.items()
        if name in lines and one.default is not MISSING and getattr(made, one.name) != one.default
    }  # fmt: skip
    assert differ == {
        "FANGFAN_WORKERS", "FANGFAN_DRAIN_NOTICE_SECONDS", "FANGFAN_METRICS_DIR", "FANGFAN_MODELS_DIR"
    }  # fmt: skip


def test_every_setting_is_explained_somewhere() -> None:
    pages = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "docs").rglob("*.md"))
    unexplained = [one.name for one in fields(Settings) if f"`{PREFIX}{one.name.upper()}`" not in pages]
    assert unexplained == []


def commands_in(text: str) -> list[list[str]]:
    """The words after `python -m serving` up to what the shell makes of them."""
    return [one.split() for one in re.findall(r"python -m serving ([^\n|;`]*)", text)]


def check_command(words: list[str]) -> None:
    command = COMMAND
    while words and hasattr(command, "commands") and words != ["--help"]:
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    options = {one for parameter in command.params for one in parameter.opts}
    given = [one.partition("=")[0] for one in words if one.startswith("--")]
    assert [one for one in given if one not in options and one != "--help"] == [], words


@pytest.mark.parametrize("path", UNITS, ids=lambda one: one.name)
def test_a_unit_calls_a_command_that_there_is(path: Path) -> None:
    lines = section(path)["ExecStart"]
    assert lines
    for one in lines:
        found = commands_in(one.rstrip("'"))
        assert len(found) == 1
        check_command(found[0])


@pytest.mark.parametrize("path", UNITS, ids=lambda one: one.name)
def test_a_unit_is_held_in(path: Path) -> None:
    made = section(path)
    wanted = {
        "User": "fangfan", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "PrivateTmp": "yes", "PrivateDevices": "yes", "CapabilityBoundingSet": "", "UMask": "0077",
        "RestrictNamespaces": "yes", "LogNamespace": "fangfan", "StateDirectoryMode": "0700",
    }  # fmt: skip
    assert {name: made[name][0] for name in wanted} == wanted
    assert "MemoryMax" in made
    assert "@resources" not in "".join(made["SystemCallFilter"]), "files are read under limits of their own"


def test_systemd_waits_longer_than_the_service_may_take() -> None:
    example = (DEPLOY / "fangfan.env.example").read_text(encoding="utf-8")
    found = dict(re.findall(rf"^{PREFIX}(DRAIN_\w+)=(\d+)", example, re.MULTILINE))
    allowed = sum(int(found[name]) for name in ("DRAIN_NOTICE_SECONDS", "DRAIN_SECONDS"))
    assert (
        int(section(DEPLOY / "systemd" / "fangfan@.service")["TimeoutStopSec"][0]) > allowed + SPARE_SECONDS
    )
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert int(compose["services"]["service"]["stop_grace_period"].rstrip("s")) > allowed + SPARE_SECONDS


def test_every_timer_has_its_service() -> None:
    assert len(TIMERS) == 4
    for one in TIMERS:
        assert one.with_suffix(".service") in UNITS
        assert section(one, "Timer")["OnCalendar"][0].endswith("Asia/Shanghai")


def test_the_pages_name_no_unit_that_does_not_exist() -> None:
    known = {re.sub(r"\.service$", "", one.name) for one in (*UNITS, *TIMERS)} | {"nginx"}
    for page in (ROOT / "docs").rglob("*.md"):
        for words in re.findall(r"systemctl [a-z-]+((?: +[\w@.*'-]+)*)", page.read_text(encoding="utf-8")):
            named = [one.strip("'") for one in words.split() if not one.startswith("--")]
            assert {re.sub(r"@(\d+|\*)$", "@", one) for one in named} <= known, (page.name, words)


def test_the_log_is_kept_184_days() -> None:
    reader = RawConfigParser()
    reader.optionxform = str  # type: ignore[assignment,method-assign]
    reader.read(DEPLOY / "systemd" / "journald@fangfan.conf", encoding="utf-8")
    kept = reader["Journal"]["MaxRetentionSec"]
    assert int(kept.removesuffix("day")) >= 184


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    for path in (*UNITS, *TIMERS):
        text = path.read_text(encoding="utf-8").replace(PYTHON, sys.executable)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    names = [str(tmp_path / one.name.replace("@.", "@8001.")) for one in (*UNITS, *TIMERS)]
    shutil.copy(tmp_path / "fangfan@.service", tmp_path / "fangfan@8001.service")
    made = subprocess.run(
        [program, "verify", "--recursive-errors=no", *names], capture_output=True, text=True, check=False
    )
    own = [one for one in made.stderr.splitlines() if "fangfan" in one]
    assert (made.returncode, own) == (0, [])
    # The share of what systemd could hold a service back from and does not, in tenths: 10 is all of it.
    for path in UNITS:
        score = subprocess.run(
            [program, "security", "--offline=yes", "--threshold=25", str(tmp_path / path.name)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert score.returncode == 0, score.stdout[-400:]


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return [(name, rest) for name, _, rest in (one.partition(" ") for one in text.splitlines() if one)]


def test_the_image_has_no_rights_and_takes_hashed_packages_alone() -> None:
    made = instructions(DEPLOY / "Dockerfile")
    known = {
        "ARG", "FROM", "WORKDIR", "ENV", "RUN", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
        "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    assert {name for name, _ in made} == known
    users = [rest for name, rest in made if name == "USER"]
    assert users == ["10001:10001"]
    after = made[made.index(("USER", "10001:10001")) :]
    assert not [rest for name, rest in after if name in {"RUN", "COPY"}]
    installs = [rest for name, rest in made if name == "RUN" and "pip install" in rest]
    assert len(installs) == 2
    assert "--require-hashes -r requirements-service.lock" in installs[0]
    assert "--no-deps" in installs[1]
    assert "--no-index" in installs[1]
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\s'/]+", text) == ["http://127.0.0.1:8000"]
    for copied in (rest.split()[:-1] for name, rest in made if name == "COPY" and "--from" not in rest):
        assert all((ROOT / one).exists() for one in copied)
    given = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", text))
    assert Settings.from_environment(given).port == 8000
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert kept[0] == "*"
    assert "!training" in kept


def test_compose_holds_its_containers_in() -> None:
    made = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    settings = {f"{PREFIX}{one.name.upper()}" for one in fields(Settings)}
    for one in made["services"].values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert set(one["environment"]) - {"FORWARDED_ALLOW_IPS"} <= settings
        check_command(list(one["command"]))
    assert made["services"]["service"]["ports"] == ["127.0.0.1:8000:8000"]


def test_a_container_believes_the_gateway_that_the_proxy_comes_from_and_nobody_else() -> None:
    made = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    (network,) = made["networks"]["default"]["ipam"]["config"]
    assert ip_address(network["gateway"]) in ip_network(network["subnet"])
    assert made["services"]["service"]["environment"]["FORWARDED_ALLOW_IPS"] == network["gateway"]
    assert "\n#FORWARDED_ALLOW_IPS=" in (DEPLOY / "fangfan.env.example").read_text(encoding="utf-8")


def test_the_steps_of_installing_make_every_folder_before_they_need_it(tmp_path: Path) -> None:
    steps = re.search(r"## Install\n+```\n(.*?)```", RUNBOOK, re.DOTALL)
    assert steps is not None
    installed = [line for line in steps[1].splitlines() if line.startswith("install ")]
    script = re.sub(r" -[og] fangfan", "", "\n".join(installed))
    script = re.sub(r" /(etc|var)/", rf" {tmp_path}/\1/", script)
    for one in ("etc/systemd/system", "etc/nginx/conf.d", "var"):
        (tmp_path / one).mkdir(parents=True)
    subprocess.run(["bash", "-e", "-c", script], cwd=ROOT, check=True)
    folder = tmp_path / "var/lib/fangfan"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (tmp_path / "etc/fangfan/fangfan.env").is_file()
    made = CliRunner().invoke(app, ["migrate", "--database", f"sqlite:///{folder}/scores.db"])
    assert made.exit_code == 0, made.output


def test_the_batch_is_of_yesterday_in_the_zone_of_its_timer() -> None:
    zones = [
        one for one in section(DEPLOY / "systemd" / "fangfan-batch.service")["Environment"] if "TZ=" in one
    ]
    assert zones == ["TZ=Asia/Shanghai"]


def nginx_text() -> str:
    return (DEPLOY / "nginx" / "fangfan.conf").read_text(encoding="utf-8")


def test_the_proxys_log_has_templates_and_no_address() -> None:
    text = re.sub(r"#.*", "", nginx_text())
    form = re.search(r"log_format fangfan.*?;", text, re.DOTALL)
    assert form is not None
    for variable in (
        "$request ",
        '$request"',
        "$uri",
        "$args",
        "$http_",
        "$request_uri",
        "$query",
        "$cookie",
        "$remote_user",
    ):
        assert variable not in form[0]
    assert re.search(r"error_log\s+\S+ emerg;", text)
    routes: dict[str, str] = dict(
        re.findall(
            r'^\s+(~?\S+)\s+"?([^\s"]+)"?;$', text.partition("map $uri")[2].partition("\n}")[0], re.MULTILINE
        )
    )
    # As nginx does it: an exact text first, then the patterns from the top.
    patterns = [(re.compile(one[1:]), to) for one, to in routes.items() if one.startswith("~")]

    def logged(path: str) -> str:
        if path in routes:
            return routes[path]
        return next((to for pattern, to in patterns if pattern.search(path)), routes["default"])

    for name in POLICIES:
        path = name.partition(" ")[2].replace("/static", "/static/x.css")
        told = logged(re.sub(r"\{\w+\}", "H-SECRET", path))
        assert "SECRET" not in told
        assert told != "unmatched" or path == "/metrics", path
    for path in ("/households/SECRET/more", "/v1/households/SECRET/scores", "/SECRET", "/v1/jobs/SECRET/x"):
        assert "SECRET" not in logged(path)


def test_the_proxy_opens_no_metrics_and_refuses_large_bodies() -> None:
    text = nginx_text()
    assert "location = /metrics { return 404; }" in text
    assert "client_max_body_size       2m" in text
    assert Settings(Path(), "sqlite:///x").max_body_bytes <= 2 * 1024 * 1024
    assert "ssl_protocols       TLSv1.2 TLSv1.3" in text


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not on this machine: apt-get install nginx")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fangfan.county.example")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.Encoding.PEM
    (tmp_path / "fullchain.pem").write_bytes(certificate.public_bytes(form))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    text = nginx_text().replace("/etc/fangfan/tls", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    # It opens what it listens on; these ports anybody may have.
    text = text.replace("listen 443", "listen 127.0.0.1:18443").replace("listen 80", "listen 127.0.0.1:18080")
    (tmp_path / "fangfan.conf").write_text(text, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{one}_temp_path {tmp_path}/{one}; " for one in kinds)
    main = f"pid {tmp_path}/pid; events {{}} http {{ {places} include {tmp_path}/fangfan.conf; }}"
    (tmp_path / "nginx.conf").write_text(main, encoding="utf-8")
    made = subprocess.run(
        [program, "-t", "-p", str(tmp_path), "-e", str(tmp_path / "error"), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert [one for one in made.stderr.splitlines() if "[warn]" in one] == []


def metric_names() -> set[str]:
    """Every sample that there is: those that are counted, and those that are looked at, by the code."""
    registry: CollectorRegistry = Meters().registry
    names = set()
    for family in registry.collect():
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + one for one in endings}
    return names | set(
        re.findall(r'"(fangfan_\w+)"', (ROOT / "serving" / "metrics" / "state.py").read_text("utf-8"))
    )


def test_every_alert_is_about_a_metric_that_there_is_and_in_the_runbook() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 12
    names = metric_names()
    for rule in rules:
        asked = set(re.findall(r"\bfangfan_\w+", rule["expr"]))
        assert asked <= names, (rule["alert"], asked - names)
        assert rule["labels"]["severity"] in {"page", "ticket"}
        # Chinese first, then English.
        assert re.match(r"[\u4e00-\u9fff].* / ", rule["annotations"]["summary"])
        assert f"`{rule['alert']}`" in RUNBOOK, rule["alert"]


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    families = {re.sub(r"_(bucket|sum|count)$", "", one) for one in metric_names()}
    assert [one for one in sorted(families) if f"`{one}" not in page] == []
    named = set(re.findall(r"`(fangfan_\w+)", page))
    assert named <= families, named - families


def test_promtool_takes_the_rules() -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not on this machine: apt-get install prometheus")
    rules = DEPLOY / "prometheus" / "alerts.yml"
    made = subprocess.run(
        [program, "check", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr


def test_every_command_of_the_runbook_is_one() -> None:
    found = commands_in(RUNBOOK)
    assert len(found) >= 15
    for words in found:
        check_command([one for one in words if one != "\\"])
