"""Which jobs of a Slurm cluster have ended: one question for all of them, as the cluster's own queue answers it.

`squeue` is there wherever `sbatch` is. `sacct`, which submitit asks, is not where the cluster keeps no accounts.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from typing import Any

ASK_EVERY_S = 10.0
"""How old an answer of the cluster may be."""
PATIENCE_S = 60.0
"""How long it may take."""
ENDED = frozenset(
    ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")
)
GONE = "no longer in the queue"
BY_ITSELF = frozenset(("COMPLETED", "FAILED", "OUT_OF_MEMORY", "FINISHED"))
"""How a job ends that nobody ended; FINISHED is submitit's word for a local process."""


class SlurmQueue:
    """Answers how jobs have ended. is_local: they are submitit's processes on this machine in place of jobs."""

    def __init__(self, is_local: bool) -> None:
        self._is_local = is_local
        self._states: dict[str, str] | None = None
        self._asked_s = self._answered_s = 0.0
        self._asking = asyncio.Lock()

    async def end_of(self, job: Any, submitted_s: float) -> str:
        """Return how a job has ended, "CANCELLED" or the like; "" while it has not, or the cluster does not say.

        submitted_s: since when it is in the queue, on the monotonic clock; who asked earlier heard nothing of it.
        """
        if self._is_local:
            return str(job.state) if job.done() else ""
        async with self._asking:
            if self._asked_s < submitted_s or time.monotonic() - self._answered_s >= ASK_EVERY_S:
                asked_s = time.monotonic()
                self._states = await asyncio.to_thread(_states)
                self._asked_s, self._answered_s = asked_s, time.monotonic()
        if self._states is None:
            return ""
        state = self._states.get(job.job_id, GONE)
        return state if state in ENDED or state == GONE else ""

    def cancel(self, job: Any) -> None:
        """Take a job out of the queue, or end it; it may have ended."""
        if self._is_local:
            job.cancel()
        else:
            subprocess.run(["scancel", job.job_id], capture_output=True, check=False)


def _states() -> dict[str, str] | None:
    """Return the states of this user's jobs by their numbers, of those too that have just ended; None: no answer."""
    command = ["squeue", "--noheader", "--states=all", f"--user={os.getuid()}", "--format=%i %T"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    except (subprocess.SubprocessError, OSError):
        return None
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
