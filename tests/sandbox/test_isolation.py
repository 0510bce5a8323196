"""Layers of isolation: each is reported as it is, and a host that lacks one still runs candidates under the rest."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyseccomp
import pytest

from sandbox import CandidateFailure, Limits, Sandbox, confine, doctor
from sandbox.zygote import LAYERS

HERE = Path(__file__).resolve().parent
HOSTS = HERE / "hosts.py"


def on_host(tmp_path: Path, *missing: str) -> dict[str, Any]:
    """Run `hosts.py` and return what it printed."""
    zygote = tmp_path / "python"
    zygote.write_text(f'#!/bin/sh\nexec {sys.executable} {HOSTS} {missing[-1]} "$@"\n')
    zygote.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(HOSTS), ",".join(missing), str(zygote)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def active_here() -> set[str]:
    return {layer.name for layer in doctor.layers() if layer.active}


@pytest.mark.parametrize(
    ("missing", "layers", "advice"),
    [
        (["namespaces"], {"namespaces"}, "max_user_namespaces"),
        (["landlock"], {"landlock"}, "Landlock"),
        (["landlock_at_boot"], {"landlock"}, "lsm="),
        (["libseccomp"], {"seccomp"}, "pip install pyseccomp"),
        (["seccomp"], {"seccomp"}, "PR_SET_SECCOMP"),
        (["namespaces", "landlock", "seccomp"], {"namespaces", "landlock", "seccomp"}, "container"),
        (["generous_limits"], set(), ""),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_a_host_that_lacks_a_layer_says_so_and_runs_candidates_under_the_rest(
    tmp_path: Path, missing: list[str], layers: set[str], advice: str
) -> None:
    here = active_here()
    found = on_host(tmp_path, *missing)
    reported = {name: (active, detail, hint) for name, active, detail, hint in found["layers"]}
    assert list(reported) == list(LAYERS), "every layer is named, in the order in which they are put on"
    assert {name for name, (active, *_) in reported.items() if active} == here - layers
    for name in layers:
        _, detail, hint = reported[name]
        assert detail
        assert hint
    assert advice in " ".join(hint for _, _, hint in reported.values())
    assert found["answer"] == 2, "an honest program runs as ever"
    left = here - layers
    if left & {"landlock", "seccomp"}:
        assert "PermissionError" in found["read"]
    if "seccomp" in left:
        assert "PermissionError" in found["connect"]
    elif "namespaces" in left:
        assert found["connect"] == errno.ENETUNREACH
    assert "exception: " in found["fork"], "the kernel's limit on processes stands alone, too"


def test_a_system_that_is_not_linux_runs_candidates_in_reduced_mode_and_says_so(tmp_path: Path) -> None:
    found = on_host(tmp_path, "linux")
    kept = {"environment", "descriptors", "rlimits", "unprivileged"}
    reported = {name: (active, detail, hint) for name, active, detail, hint in found["layers"]}
    assert {name for name, (active, *_) in reported.items() if active} == kept
    assert all("Linux container" in hint for name, (_, _, hint) in reported.items() if name not in kept)
    assert "memory not bounded" in reported["rlimits"][1], "macOS does not keep to a limit on address space"
    assert found["answer"] == 2, "an honest program runs as ever"
    assert "exception: " in found["fork"]
    assert 0 < found["clock_s"] <= found["ended_s"] + 0.01 < 1, "the clock reads seconds while the process runs, too"


def test_this_host_has_every_layer_or_says_what_to_do() -> None:
    for layer in doctor.layers():
        assert layer.active or layer.advice, layer


def test_a_sandbox_that_does_not_start_is_reported_as_missing_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    found = doctor.layers()
    assert [layer.name for layer in found] == list(LAYERS)
    assert not any(layer.active for layer in found)
    assert all(layer.advice for layer in found)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a program that gives rights away")
def test_no_new_privs_keeps_a_program_with_more_rights_from_giving_them(tmp_path: Path) -> None:
    """With the other layers that stop it off, a candidate starts a set-uid program, which reads what is root's."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        secret, cat = folder / "secret", folder / "cat"
        secret.write_text("for root only")
        secret.chmod(0o600)
        shutil.copy("/bin/cat", cat)
        cat.chmod(0o4755)
        if not cat.stat().st_mode & stat.S_ISUID or os.statvfs(folder).f_flag & os.ST_NOSUID:
            pytest.skip("programs of the temporary folder give no rights")
        source = f"import os\ndef answer(): os.execv({str(cat)!r}, ['cat', {str(secret)!r}])"
        heard = {}
        others = frozenset({"landlock", "seccomp", "clocks"})  # a program that starts reads the processor's counter
        for without in (others, others | {"no_new_privs"}):
            with Sandbox(Limits(memory_mb=256), without=without) as sandbox:
                candidate = sandbox.start(source)
                with pytest.raises(CandidateFailure):
                    candidate.call("answer")
                heard["no_new_privs" not in without] = candidate.output
        assert "Permission denied" in heard[True]
        assert heard[False] == "for root only"
    finally:
        shutil.rmtree(folder)


ORPHAN = """
import sys, time
from sandbox import Limits, Sandbox
with Sandbox(Limits(call_s=60), without=frozenset(sys.argv[1].split(",")) if sys.argv[1] else frozenset()) as sandbox:
    candidate = sandbox.start("import time\\ndef answer(): time.sleep(60)")
    print(candidate.host_pid, flush=True)
    candidate.call("answer")
"""


@pytest.mark.parametrize("without", ["", "namespaces", "namespaces,landlock,seccomp,unprivileged"])
def test_a_sleeping_candidate_does_not_outlive_a_killed_worker(without: str) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, without],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )
    assert worker.stdout is not None
    candidate = int(worker.stdout.readline())
    os.kill(candidate, 0)
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 5
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(candidate, 0)
            time.sleep(0.01)
        os.kill(candidate, signal.SIGKILL)
        pytest.fail("the candidate is still there")


SWEEP = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def answer(first, last, blocking):
    allowed = []
    for number in range(first, last):
        if number in blocking:
            continue
        ctypes.set_errno(0)
        bad = ctypes.c_long(-1)
        libc.syscall(ctypes.c_long(number), bad, bad, bad, bad, bad, bad)
        if ctypes.get_errno() != errno.EPERM:
            allowed.append(number)
    return allowed
"""


def test_every_system_call_beyond_the_list_is_refused() -> None:
    """Call every number of the kernel's table with nonsense: only those of the list get as far as to be judged."""
    if "seccomp" not in active_here():
        pytest.skip("this host has no seccomp")

    def number(name: str) -> int:
        return int(pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name))

    calm = "exit exit_group rt_sigreturn munmap mremap restart_syscall brk".split()  # would disturb it
    probes = [335, 336]  # of x86_64's trampolines for uprobes: the kernel filters neither, and ends whoever calls them
    listed = {*confine.COMPUTING, *confine.NUMBERED, "clone3"}
    with Sandbox() as sandbox, sandbox.start(SWEEP) as candidate:
        allowed = candidate.call("answer", 0, 600, [number(name) for name in calm] + probes)
    names = {number(name): name for name in listed | set(calm)}
    assert [n for n in allowed if n not in names] == []
    assert {names[n] for n in allowed} == {n for n in listed - set(calm) if number(n) >= 0}


def test_no_memory_is_shared_between_candidates() -> None:
    """A writable mapping that forks share would be a blackboard for one candidate to the next."""
    with Sandbox() as sandbox, sandbox.start("def answer(): return 1") as candidate:
        process = candidate.host_pid
        try:
            maps = Path(f"/proc/{process}/maps").read_text()
        except PermissionError:
            pytest.skip("only root may look at a process that is not dumpable")
        assert "libc" in maps
        assert [line for line in maps.splitlines() if "ws" in line.split()[1] or "w-s" in line.split()[1]] == []


def test_a_candidate_keeps_no_descriptor_but_its_streams_and_its_wire() -> None:
    with Sandbox() as sandbox, sandbox.start("def answer(): return 1") as candidate:
        process = candidate.host_pid
        try:
            links = {link.name: str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()}
        except PermissionError:
            pytest.skip("only root may look at a process that is not dumpable")
    assert sorted(links) == ["1", "2", "3"], "not even /dev/null as its input, which all candidates would share"
    assert "memfd:output" in links["1"]
    assert links["1"] == links["2"]
    assert links["3"].partition(":")[0] == "socket"


def test_the_filter_does_not_cost_an_honest_program_what_it_needs() -> None:
    source = """
import datetime, decimal, hashlib, json, logging, os, pickle, random, sys, threading, time, uuid
import numpy as np
def answer():
    lock = threading.Lock()
    with lock: time.sleep(0.001)
    rng = np.random.default_rng()
    a = rng.normal(size=(300, 300))
    np.linalg.svd(a @ a.T); np.fft.fft(a); np.sort(a, axis=0); np.median(a)
    print("to stdout"); print("to stderr", file=sys.stderr)
    uuid.uuid4(); os.urandom(8); random.SystemRandom().random(); os.getpid(); logging.getLogger("x").info("nothing")
    pickle.loads(pickle.dumps({1: [2]})); json.loads(json.dumps([1.5])); hashlib.sha256(b"x").hexdigest()
    lock.acquire(timeout=0.001); lock.acquire(timeout=0.01)
    return [str(datetime.date(2020, 1, 1)), str(decimal.Decimal("1.1") * 3), os.cpu_count() is None or True]
"""
    with Sandbox() as sandbox, sandbox.start(source) as candidate:
        assert candidate.call("answer") == ["2020-01-01", "3.3", True]
        candidate.close()
        assert candidate.output == "to stdout\nto stderr\n"


def test_the_c_library_of_this_process_is_untouched_by_its_sandboxes() -> None:
    before = ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)  # PR_GET_NO_NEW_PRIVS
    with Sandbox() as sandbox, sandbox.start("def answer(): return 1"):
        pass
    assert ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == before
    assert Path("/etc/passwd").exists()
