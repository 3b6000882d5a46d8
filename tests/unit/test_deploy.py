"""The files under ``deploy`` agree with the code: settings, commands, routes, ports, metrics, rules of the image."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import generate_latest

from souk.api.health import HealthRoutes, Readiness
from souk.cli.http_server import OPEN_REQUEST_SECONDS, PARTING_SECONDS
from souk.cli.main import app
from souk.engine.engine import LEAVE_SECONDS
from souk.measure import Meters
from souk.settings import Settings
from souk.words import FailKind
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
USER = 10001
PORT = 8080
WRITABLE = {"/data", "/tmp"}  # noqa: S108 - as the manifests name them
DRAIN_SECONDS = Settings.model_fields["drain_seconds"].default
STOP_SECONDS = PARTING_SECONDS + OPEN_REQUEST_SECONDS + DRAIN_SECONDS + LEAVE_SECONDS
"""What a process needs at the very least to end in peace."""


def documents() -> Iterator[dict[str, Any]]:
    for path in KUBERNETES:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def pods() -> dict[str, dict[str, Any]]:
    """The pods of the manifests, by the name of what makes them."""
    made = (found for found in documents() if found["kind"] in ("Deployment", "Job"))
    return {found["metadata"]["name"]: found["spec"]["template"]["spec"] for found in made}


def servers() -> dict[str, dict[str, Any]]:
    return {name: pod["containers"][0] for name, pod in pods().items() if "migrate" not in name}


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def image_says(word: str) -> str:
    """The last instruction of that name."""
    return re.findall(rf"^{word} ((?:.*\\\n)*.*)", dockerfile(), re.MULTILINE)[-1]


def variables_of(path: Path) -> set[str]:
    """The variables that a file of settings sets, commented ones included."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", path.read_text(encoding="utf-8"), re.MULTILINE))


def check_command(words: list[str]) -> None:
    """Raises when ``souk`` does not know this command or one of its options."""
    command = typer.main.get_command(app)
    context = command.make_context("souk", list(words), resilient_parsing=True)
    name, sub, rest = command.resolve_command(context, list(words))  # type: ignore[attr-defined]
    assert sub is not None, words
    sub.make_context(name, rest, parent=context)


def test_every_variable_is_a_setting() -> None:
    known = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/reference/settings.md").read_text("utf-8")))
    used: set[str] = set(compose()["x-souk"]["environment"])
    used |= variables_of(DEPLOY / "systemd" / "souk.env.example")
    for found in documents():
        used |= set({**found.get("data", {}), **found.get("stringData", {})})
    used |= set(re.findall(r"\b(SOUK_[A-Z_]+)=", dockerfile() + "".join(unit.read_text() for unit in UNITS)))
    assert used - known == set()


def test_variables_that_compose_fills_in_are_in_its_example() -> None:
    text = (DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{([A-Z0-9_]+)", text)) == variables_of(DEPLOY / "compose" / ".env.example")


def test_every_command_exists() -> None:
    check_command(json.loads(image_says("CMD")))
    for service in compose()["services"].values():
        if service.get("image") == "souk":
            check_command(service["command"])
    for pod in pods().values():
        check_command(pod["containers"][0]["args"])
    for unit in UNITS:
        (line,) = re.findall(r"^ExecStart=/opt/souk/\.venv/bin/souk (.*)$", unit.read_text(), re.MULTILINE)
        check_command(shlex.split(line))


def test_units_need_no_program_that_a_minimal_system_lacks() -> None:
    started = {
        word for unit in UNITS for word in re.findall(r"^Exec\w+=(\S+)", unit.read_text(), re.MULTILINE)
    }
    assert started == {"/opt/souk/.venv/bin/souk", "/bin/sh"}  # /bin/kill comes with a package of its own


@pytest.mark.parametrize("words", [["sreve"], ["serve", "--no-engines"]])
def test_command_that_does_not_exist_is_found_out(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"sreve|--no-engines"):
        check_command(words)


def test_probes_ask_for_paths_that_exist_at_the_port_that_listens() -> None:
    paths = {route.path for route in HealthRoutes(Readiness({})).routes}
    for name, container in servers().items():
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert (asked["path"] in paths, ports[asked["port"]]) == (True, PORT), (name, probe)
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert container["livenessProbe"]["httpGet"]["path"] == "/health", (
            "a database that is away kills no pod"
        )


def test_ports_agree() -> None:
    assert f"SOUK_PORT={PORT}" in image_says("ENV")
    assert image_says("EXPOSE") == str(PORT)
    assert compose()["services"]["api"]["ports"] == [f"127.0.0.1:8080-8081:{PORT}"]
    (service,) = [found for found in documents() if found["kind"] == "Service"]
    assert service["spec"]["ports"][0]["targetPort"] == "http"
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    (names,) = scraped["dns_sd_configs"]
    assert (names["port"], set(names["names"])) == (PORT, {"api", "engine"})
    assert set(names["names"]) <= set(compose()["services"])


def test_engines_show_how_they_do_at_the_port_that_is_asked() -> None:
    asked = [compose()["services"]["engine"]["command"], servers()["souk-engine"]["args"]]
    assert asked == [["engine", "--metrics", f"0.0.0.0:{PORT}"]] * 2
    unit = (DEPLOY / "systemd" / "souk-engine@.service").read_text(encoding="utf-8")
    (place,) = re.findall(r"^ExecStart=.* engine --metrics (\S+)$", unit, re.MULTILINE)
    assert place == "127.0.0.1:810%i"
    assert place.replace("%i", "1") in (ROOT / "docs" / "how-to" / "deploy-systemd.md").read_text("utf-8")


def test_database_is_called_healthy_only_once_it_listens_for_others() -> None:
    """The image's server for making the database answers on its socket alone; the migration would meet nobody."""
    test = compose()["services"]["postgres"]["healthcheck"]["test"]
    assert test[test.index("--host") + 1] == "127.0.0.1"


def test_image_runs_as_a_plain_user_without_tools_to_build_with() -> None:
    final = dockerfile().rpartition("\nFROM ")[2]
    assert image_says("USER") == f"{USER}:{USER}"
    assert "pip uninstall" in final
    assert not re.search(r"apt-get|pip install", final)
    assert "--require-hashes" in dockerfile()


def test_image_is_built_from_what_is_needed_alone() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile(), re.MULTILINE)
        for word in line.split()
    }
    assert kept == copied
    assert all((ROOT / name).exists() for name in kept)


def test_pods_can_write_nowhere_but_to_their_volumes() -> None:
    for name, pod in pods().items():
        (container,) = pod["containers"]
        rules, whose = container["securityContext"], pod["securityContext"]
        assert rules["readOnlyRootFilesystem"], name
        assert not rules["allowPrivilegeEscalation"], name
        assert rules["capabilities"] == {"drop": ["ALL"]}, name
        assert (whose["runAsNonRoot"], whose["runAsUser"], whose["fsGroup"]) == (True, USER, USER), name
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) == WRITABLE
        assert {volume["name"] for volume in pod["volumes"]} == set(mounts)
    souk = compose()["x-souk"]
    assert (souk["read_only"], {*souk["tmpfs"], *souk["volumes"]}) == (True, WRITABLE)


def test_service_of_this_name_does_not_give_pods_a_wrong_port() -> None:
    """Kubernetes would set SOUK_PORT=tcp://… in every container beside a Service named souk."""
    assert {name: pod.get("enableServiceLinks") for name, pod in pods().items()} == dict.fromkeys(
        pods(), False
    )


def test_processes_are_given_the_time_they_need_to_end() -> None:
    for name in servers():
        pod = pods()[name]
        told = pod["containers"][0].get("lifecycle")  # those no Service leads to need not wait for it
        pause = int(told["preStop"]["exec"]["command"][1]) if told else 0
        assert bool(told) == (name == "souk")
        assert pod["terminationGracePeriodSeconds"] > pause + STOP_SECONDS
    assert int(compose()["x-souk"]["stop_grace_period"].rstrip("s")) > STOP_SECONDS
    for unit in UNITS:
        (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
        assert int(seconds) > STOP_SECONDS


def test_labels_and_names_lead_to_each_other() -> None:
    labels = {
        found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
        for found in documents()
        if found["kind"] == "Deployment"
    }
    for found in documents():
        if found["kind"] == "Service":
            assert found["spec"]["selector"] == labels["souk"]
        if found["kind"] == "PodDisruptionBudget":
            assert found["spec"]["selector"]["matchLabels"] == labels[found["metadata"]["name"]]
    named = {(found["kind"], found["metadata"]["name"]) for found in documents()}
    for pod in pods().values():
        sources = pod["containers"][0]["envFrom"]
        assert {("ConfigMap", source["configMapRef"]["name"]) for source in sources[:1]} <= named
        assert {("Secret", source["secretRef"]["name"]) for source in sources[1:]} <= named


def test_alerts_ask_for_metrics_and_outcomes_that_exist() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    metrics = (ROOT / "docs" / "how-to" / "observe.md").read_text("utf-8")
    counted = set(re.findall(r"^# TYPE (\w+) ", generate_latest(Meters().registry).decode(), re.MULTILINE))
    asked = {name for rule in rules for name in re.findall(r"souk_\w+", rule["expr"])}
    told = set(re.findall(r"`(souk_\w+)", metrics))
    assert asked - counted - told == set()
    kinds = {kind.value for kind in FailKind} | {"success", "dead", "refused", "unreachable"}
    outcomes = {
        word
        for rule in rules
        for named in re.findall(r'outcome!?~?="([^"]+)"', rule["expr"])
        for word in named.split("|")
    }
    assert outcomes <= kinds


def test_counters_that_alerts_watch_stand_at_zero_before_anything_happened() -> None:
    """Prometheus sees no increase in a counter that first appears with a 1."""
    told = generate_latest(Meters().registry).decode().splitlines()
    assert {f'souk_finishes_total{{outcome="{kind.value}"}} 0.0' for kind in FailKind} <= set(told)
    assert 'souk_deliveries_total{outcome="dead"} 0.0' in told


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_is_one_that_systemd_reads(unit: Path, tmp_path: Path) -> None:
    place = tmp_path / unit.name.replace("@", "@1")
    place.write_text(unit.read_text().replace("/opt/souk/.venv/bin/souk", "/bin/true"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", place]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


READ_ONLY = """
set -e
mount --make-rprivate /
mkdir -p "$ROOM/root" "$ROOM/data"
mount --bind / "$ROOM/root"
mount --rbind /proc "$ROOM/root/proc"
mount --rbind /dev "$ROOM/root/dev"
mount -o remount,ro,bind "$ROOM/root"
mount --bind "$ROOM/data" "$ROOM/root/srv"
mount -t tmpfs -o mode=1777 tmpfs "$ROOM/root/tmp"
exec chroot "$ROOM/root" sh -c "$COMMANDS"
"""
"""Runs commands where nothing can be written but the data folder, at /srv, and /tmp."""
COMMANDS = """
cd /srv
if touch /usr/written 2>/dev/null; then echo "the root can be written to"; exit 1; fi
"$PYTHON" -m souk migrate --pre &&
"$PYTHON" -m souk run z-image prompt=boat aspect_ratio=1:1 -o picture.png &&
"$PYTHON" -m souk backup backup.tar && "$PYTHON" -m souk doctor
"""


def test_nothing_is_written_outside_the_data_folder_and_the_temporary_one(tmp_path: Path) -> None:
    may = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
    if not may or ROOT.is_relative_to("/tmp"):  # noqa: S108 - the folder that is covered up
        pytest.skip("mounting is not allowed here")
    given = {"ROOM": str(tmp_path), "COMMANDS": COMMANDS, "PYTHON": sys.executable, "SOUK_DATA_DIR": "/srv"}
    command = ["unshare", "--mount", "sh", "-c", READ_ONLY]
    environment = {**os.environ, **given, "PYTHONDONTWRITEBYTECODE": "1", "SOUK_SANDBOX_WORKERS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data" / "picture.png").exists()
