"""A Slurm cluster of the tests' own: this machine as its one node, daemons on free ports, gone when they end.

No systemd and no cgroups are asked for, so that it runs in a container. Debian: apt-get install slurm-wlm munge.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
"""Daemons are often not on the path of an ordinary user."""

CONF = """\
ClusterName=evolve
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=1000
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster of one node with so many cores. Nothing keeps accounts: `sacct` does not answer."""

    def __init__(self, folder: Path, cores: int) -> None:
        self.folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in ("munge", "state", "spool"):
            (folder / name).mkdir()
        folder.chmod(0o755)  # munged refuses a folder that its clients cannot enter
        key = folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        host = socket.gethostname().partition(".")[0]
        task = "task/affinity" if os.geteuid() == 0 else "task/none"
        self.conf = folder / "slurm.conf"
        facts = {"host": host, "ports": _free_ports(2), "user": getpass.getuser(), "folder": folder}
        self.conf.write_text(CONF.format(**facts, task=task, cores=cores))

    def start(self) -> None:
        munge = self.folder / "munge"
        files = (f"--{what}-file={munge / what}" for what in ("key", "pid", "log", "seed"))
        self._daemon("munged", "--foreground", f"--socket={munge / 'socket'}", *files)
        self._wait_until(lambda: (munge / "socket").exists())
        self.start_controller()
        self._daemon("slurmd", "-D", "-f", str(self.conf))
        self._wait_until(lambda: self.ask("sinfo", "--noheader", "--format=%T") == ["idle"])

    def start_controller(self) -> None:
        self._daemon("slurmctld", "-D", "-f", str(self.conf))

    def stop_controller(self) -> None:
        """End the daemon that has the queue; the jobs go on."""
        controller = next(daemon for daemon in self._daemons if "slurmctld" in str(daemon.args))
        controller.terminate()
        controller.wait(30)
        self._daemons.remove(controller)

    def end(self) -> None:
        self.ask("scancel", f"--user={os.getuid()}")
        give_up = time.monotonic() + 20
        while self.jobs() and time.monotonic() < give_up:
            time.sleep(0.1)
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for pid in self._left_over():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _left_over(self) -> list[int]:
        """Processes of jobs that wait for a daemon to which they can tell their end."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    words = (entry / "cmdline").read_bytes()
                    if words.startswith(b"slurmstepd") and bytes(self.conf) in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found

    def ask(self, *command: str) -> list[str]:
        """Return the lines that a command of the cluster prints."""
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()

    def jobs(self, *states: str) -> list[str]:
        """Return the numbers of the jobs in the queue, the oldest first; in these states, or in any."""
        chosen = [f"--states={','.join(states)}"] if states else []
        return self.ask("squeue", "--noheader", "--sort=i", "--format=%i", *chosen)

    def cancel(self, job: str) -> None:
        subprocess.run(["scancel", job], check=True)

    def _daemon(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("ab") as said:
            daemon = subprocess.Popen(
                [shutil.which(command[0], path=PATH) or command[0], *command[1:]],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip
        self._daemons.append(daemon)

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 60
        while not holds():
            dead = [daemon.args for daemon in self._daemons if daemon.poll() is not None]
            if dead or time.monotonic() > give_up:
                words = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.*g"))
                raise AssertionError(f"no Slurm: {dead} ended; {words}")
            time.sleep(0.1)


def relays(folder: Path) -> list[int]:
    """The processes of jobs: those that read a folder in the folder of the jobs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "submitit.core._submit" in words and any(word.startswith(str(folder)) for word in words):
                found.append(int(entry.name))
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def cluster(cores: int) -> Iterator[Slurm]:
    """A cluster that `sbatch` and the others find. Skips where Slurm is not installed."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"Slurm is not installed ({', '.join(missing)}): apt-get install slurm-wlm munge")
    folder = Path(tempfile.mkdtemp(prefix="evolve-cluster-"))
    before = os.environ.get("SLURM_CONF")
    slurm = Slurm(folder, cores)
    os.environ["SLURM_CONF"] = str(slurm.conf)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.end()
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before
        shutil.rmtree(folder, ignore_errors=True)
