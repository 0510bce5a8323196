"""Whether this process runs inside a container, and which of its flags would give a missing layer of the sandbox."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GVISOR_VERSION = "#1 SMP Sun Jan 10 15:06:54 PST 2016"
"""What gVisor's kernel says of itself in /proc/version, whatever its release."""
WORDS_OF_CGROUPS = {
    "kubepods": "kubernetes",
    "docker": "docker",
    "libpod": "podman",
    "containerd": "containerd",
    "lxc": "lxc",
}
"""Word in /proc/1/cgroup -> the engine."""
SYS_ADMIN = 1 << 21
"""The bit of CAP_SYS_ADMIN in CapEff."""


@dataclass(frozen=True)
class Container:
    """The container around this process.

    Attributes:
        engine: docker, podman, kubernetes, ... or "container" where its kind is not known.
        evidence: the file or variable that gave it away.
        in_gvisor: the kernel is gVisor's.
        rootless: the container's root is an ordinary user of the host.
        filtered: a seccomp filter was on before ours.
        may_admin: this process has CAP_SYS_ADMIN, so the engine's filter lets it make namespaces.
        user_namespaces: False where the kernel allows none (user.max_user_namespaces is 0).
    """

    engine: str
    evidence: str
    in_gvisor: bool = False
    rootless: bool = False
    filtered: bool = False
    may_admin: bool = False
    user_namespaces: bool = True

    @property
    def text(self) -> str:
        """Return what it is, in a line."""
        facts = [f"found by {self.evidence}"]
        facts += ["rootless"] if self.rootless else []
        facts += ["kernel of gVisor"] if self.in_gvisor else []
        facts.append("the engine's seccomp filter is on" if self.filtered else "no seccomp filter of the engine")
        return f"{self.engine} ({', '.join(facts)})"

    def flag_for(self, layer: str) -> str:
        """Return how to start the container so that a layer which is missing works; empty where no flag would help."""
        if layer == "namespaces" and not self.user_namespaces and not self.may_admin:
            return "on the host: sysctl user.max_user_namespaces=15000; no flag of the container replaces it"
        if layer == "namespaces" and (self.filtered or self.engine == "docker"):
            return self._filter_that(
                "permits unshare, as Podman's own does and Docker's does not without CAP_SYS_ADMIN"
            )
        if layer == "namespaces":
            return "--security-opt apparmor=unconfined, where the host restricts user namespaces by AppArmor"
        if layer == "landlock" and self.in_gvisor:
            return (
                "none: gVisor has no Landlock; the layer seccomp stops all that it would, and gVisor is a layer itself"
            )
        if layer == "landlock" and self.filtered:
            return self._filter_that(
                "permits landlock_create_ruleset and its two kin, as Docker's does from version 23 on"
            )
        if layer == "seccomp" and self.filtered:
            return self._filter_that("permits seccomp and prctl")
        return ""

    def _filter_that(self, permits: str) -> str:
        if self.engine == "kubernetes":
            return f"securityContext.seccompProfile: type Localhost, a profile that {permits}; or Unconfined"
        return f"--security-opt seccomp=PROFILE.json, one that {permits}; or seccomp=unconfined"


def container_around(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Container | None:
    """Return the container that this process runs in; None where nothing tells of one.

    root: where the files of the system are looked for.
    """
    engine, evidence = _engine(root, environment)
    in_gvisor = GVISOR_VERSION in _text(root / "proc/version")
    if in_gvisor and not engine:
        engine, evidence = "container", "proc/version"
    if not engine:
        return None
    status = dict(re.findall(r"^(\w+):\s*(.*)$", _text(root / "proc/self/status"), re.MULTILINE))
    uids = _text(root / "proc/self/uid_map").split()
    return Container(
        engine,
        evidence,
        in_gvisor,
        rootless=len(uids) >= 3 and uids[1] != "0",
        filtered=status.get("Seccomp") == "2",
        may_admin=bool(int(status.get("CapEff") or "0", 16) & SYS_ADMIN),
        user_namespaces=_text(root / "proc/sys/user/max_user_namespaces").strip() != "0",
    )


def _engine(root: Path, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the engine and what tells of it; empty where nothing does."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes", "$KUBERNETES_SERVICE_HOST"
    if (root / "run/.containerenv").exists():
        return "podman", "/run/.containerenv"
    if (root / ".dockerenv").exists():
        return "docker", "/.dockerenv"
    if named := environment.get("container"):
        return named, "$container"
    groups = _text(root / "proc/1/cgroup")
    return next(((engine, "/proc/1/cgroup") for word, engine in WORDS_OF_CGROUPS.items() if word in groups), ("", ""))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
