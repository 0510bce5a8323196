"""Inside a container: what `evolve doctor` makes of the one around it, and the image that is built from this tree."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import evolve

from evolve import host
from evolve.cli import evolve as commands
from evolve.container import GVISOR_VERSION, Container, container_around

ROOT = Path(__file__).parent.parent
IMAGE = ROOT / ".container" / "Dockerfile"
FILTERED, FREE = "Seccomp:\t2\n", "Seccomp:\t0\n"
ORDINARY, ALL_RIGHTS = "CapEff:\t00000000a80425fb\n", "CapEff:\t000001ffffffffff\n"
HOST_UIDS, ROOTLESS_UIDS = "0 0 4294967295\n", "0 1000 1\n1 100000 65536\n"


def machine(root: Path, **files: str) -> Path:
    """A root with some files of a system; `__` in a name stands for a slash."""
    given = {"proc__self__status": FREE + ORDINARY, "proc__self__uid_map": HOST_UIDS} | files
    for name, text in given.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def found(root: Path, environment: dict[str, str] | None = None) -> Container:
    container = container_around(root, environment or {})
    assert container is not None
    return container


def test_a_plain_machine_is_no_container(tmp_path: Path) -> None:
    assert container_around(machine(tmp_path, proc__1__cgroup="0::/init.scope\n"), {}) is None
    assert container_around(tmp_path / "nothing", {}) is None


@pytest.mark.parametrize(
    "files, environment, engine",
    [
        ({"DOTdockerenv": ""}, {}, "docker"),
        ({"run__DOTcontainerenv": 'engine="podman-5.4"'}, {}, "podman"),
        ({"DOTdockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"container": "systemd-nspawn"}, "systemd-nspawn"),
        ({"proc__1__cgroup": "0::/kubepods/besteffort/pod1\n"}, {}, "kubernetes"),
        ({"proc__1__cgroup": "1:name=systemd:/docker/abc\n"}, {}, "docker"),
        ({"proc__version": f"Linux version 4.4.0 {GVISOR_VERSION}"}, {}, "container"),
    ],
)
def test_the_engine_is_known_by_what_it_leaves(
    tmp_path: Path, files: dict[str, str], environment: dict[str, str], engine: str
) -> None:
    container = found(machine(tmp_path, **files), environment)
    assert container.engine == engine
    assert container.evidence.strip("/$") in {*(n.replace("__", "/").replace("DOT", ".") for n in files), *environment}


def test_under_dockers_own_filter_namespaces_need_another_one(tmp_path: Path) -> None:
    container = found(machine(tmp_path, DOTdockerenv="", proc__self__status=FILTERED + ORDINARY))
    assert "--security-opt seccomp=PROFILE.json" in container.flag_for("namespaces")
    assert "unshare" in container.flag_for("namespaces")
    assert "landlock_create_ruleset" in container.flag_for("landlock")
    assert "the engine's seccomp filter is on" in container.text
    assert container.flag_for("rlimits") == ""


def test_kubernetes_is_told_in_its_own_words(tmp_path: Path) -> None:
    root = machine(tmp_path, proc__self__status=FILTERED + ORDINARY)
    container = found(root, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert container.flag_for("namespaces").startswith("securityContext.seccompProfile")


def test_where_the_kernel_allows_no_user_namespaces_no_flag_does(tmp_path: Path) -> None:
    files = {"DOTdockerenv": "", "proc__sys__user__max_user_namespaces": "0\n"}
    said = found(machine(tmp_path, **files)).flag_for("namespaces")
    assert "sysctl user.max_user_namespaces" in said and "--security-opt" not in said
    rights = found(machine(tmp_path, **files, proc__self__status=FILTERED + ALL_RIGHTS))
    assert rights.may_admin and "sysctl" not in rights.flag_for("namespaces")


def test_rootless_podman_and_gvisor_are_told_apart(tmp_path: Path) -> None:
    podman = found(machine(tmp_path / "p", run__DOTcontainerenv="", proc__self__uid_map=ROOTLESS_UIDS))
    assert podman.rootless and "rootless" in podman.text
    assert "apparmor" in podman.flag_for("namespaces")
    gvisor = found(machine(tmp_path / "g", DOTdockerenv="", proc__version=f"Linux version 4.4.0 {GVISOR_VERSION}"))
    assert gvisor.in_gvisor and gvisor.flag_for("landlock").startswith("none: gVisor has no Landlock")


def test_the_advice_of_a_missing_layer_names_the_flag_and_an_active_one_has_none() -> None:
    container = Container("docker", "/.dockerenv", filtered=True)
    missing, active = (host.Layer("namespaces", on, "refused", "allow user namespaces") for on in (False, True))
    assert host.advice(missing, container).startswith("allow user namespaces. Container: --security-opt seccomp=")
    assert host.advice(missing, None) == "allow user namespaces"
    assert host.advice(active, container) == "allow user namespaces"


def test_doctor_says_what_it_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container("podman", "/run/.containerenv", rootless=True)
    monkeypatch.setattr(host, "container_around", lambda: container)
    assert "podman (found by /run/.containerenv, rootless" in " ".join(evolve("doctor").out.split())
    assert evolve("doctor", "--json").json["container"]["engine"] == "podman"


# -- the image: it cannot be built here, so what can be wrong in its file without a build is looked for ------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", IMAGE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_has_two_stages_and_its_last_user_is_not_root() -> None:
    known = {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "ENTRYPOINT", "CMD"}
    found = instructions()
    assert {word for word, _ in found} <= known
    stages = [place for place, (word, _) in enumerate(found) if word == "FROM"]
    assert len(stages) == 2 and stages[0] == 0
    last = found[stages[1] :]
    assert [rest for word, rest in last if word == "USER"] == ["evolve"]
    assert [rest for word, rest in last if word == "COPY"] == ["--from=build /opt/evolve /opt/evolve"]
    assert not [rest for _, rest in found if re.search(r"password|secret|_key\b", rest, re.IGNORECASE)]


def test_all_that_the_image_is_built_from_is_there_and_not_ignored() -> None:
    sources = [shlex.split(rest)[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    names = {name for one in sources for name in one}
    assert names >= {"pyproject.toml", "README.md", "LICENSE", "evolve", "evaluators", "seeds", "sandbox"}
    assert all((ROOT / name).exists() for name in names)
    ignored = (IMAGE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*" and {line[1:] for line in ignored if line.startswith("!")} == names


# -- the compose file ----------------------------------------------------------------------------------------------


def services() -> dict[str, Any]:
    found = yaml.safe_load((IMAGE.parent / "compose.yaml").read_text())
    assert set(found) == {"name", "x-evolve", "services", "volumes"}
    assert set(found["volumes"]) == {"database", "runs"}
    of_services: dict[str, Any] = found["services"]
    return of_services


def test_the_compose_file_has_a_database_a_driver_and_two_workers_and_no_password() -> None:
    found = services()
    assert set(found) == {"database", "driver", "worker", "joining"}
    assert found["joining"]["profiles"] == ["joining"]
    assert found["worker"]["deploy"]["replicas"] == 2
    for name, service in found.items():
        for secret in ("POSTGRES_PASSWORD", "PGPASSWORD"):
            assert (
                service.get("environment", {})
                .get(secret, "${EVOLVE_DB_PASSWORD:?")
                .startswith("${EVOLVE_DB_PASSWORD:?")
            )
        assert "OPENAI_API_KEY" not in service.get("environment", {}) or name in ("driver", "joining")
        assert all(one in found for one in service.get("depends_on", {}))
        if name != "database":
            assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
            assert (IMAGE.parent / service["build"]["context"]).resolve() == ROOT
            assert ROOT / service["build"]["dockerfile"] == IMAGE


def test_the_drivers_of_the_compose_file_are_commands_that_evolve_takes() -> None:
    (command,) = services()["driver"]["command"]
    shell = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", command)
    assert "$" not in shell
    head, _, run = shell.partition(" && exec ")
    assert head.startswith("ray start --head --num-cpus=0 --port=6379 ")
    name, *words = shlex.split(run)[1:]
    given = commands.commands[name].make_context(name, words).params
    assert given["archive"] == "postgresql+psycopg://evolve@database/evolve"
    assert (given["engine"], given["ray_address"], given["workers"]) == ("ray", "auto", 2)
    (command,) = services()["joining"]["command"]
    name, *words = shlex.split(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", command).removeprefix("exec evolve "))
    joined = commands.commands[name].make_context(name, words).params
    assert joined["run"] == f"{given['archive']}/first"
    worker = services()["worker"]["entrypoint"]
    assert worker[:3] == ["ray", "start", "--address=driver:6379"] and "--block" in worker
