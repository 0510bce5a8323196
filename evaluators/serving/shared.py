"""One machine whose compute is divided between prompts and answers: two engines, one memory (Hong 2025, semi-PD).

Prefill has a share of the streaming multiprocessors (SMs), decode has the rest; each runs its own iterations, as a
`PooledReplica` of its role does. A prompt gets nearly as much slower as its share is small, s^0.9; a decode step, which
waits for memory, is as quick as ever while decode has 1 / 2.2 of the SMs, and slows down in proportion below. A share
that one side leaves idle is not lent to the other: CUDA MPS, which divides the SMs, gives each process a fixed part.

Storage is one: the KV of a prompt is in the memory from the beginning of its prefill, and stays there to be decoded.
"""

from __future__ import annotations

from evaluators.serving.cost import CostModel
from evaluators.serving.job import Job, State
from evaluators.serving.pooled import NO_LIMIT, PooledReplica, Role
from evaluators.serving.replica import IDLE
from evaluators.serving.stretch import iterations_past, stretch_ns

LEAST_SHARE, MOST_SHARE, FIRST_SHARE = 10, 90, 50
"""Share of the SMs that prefill has, whole percent (as CUDA_MPS_ACTIVE_THREAD_PERCENTAGE): bounds, and at first."""


def prefill_slowdown(share: int) -> float:
    """Return how many times as long a batch of prompts takes with a share of the SMs, percent: 1 / s^0.9."""
    return round((100 / share) ** 0.9, 9)  # rounded: libraries differ in the last digits of a power


def decode_slowdown(share: int) -> float:
    """Return how many times as long a decode step takes when prefill has a share: 1 / min(1, 2.2 * (1 - s))."""
    return max(1.0, 1000 / (22 * (100 - share)))


class _Decoding(PooledReplica):
    """The side that decodes. handed: prompts that are complete and decode from the next iteration on."""

    __slots__ = ("handed",)

    def __init__(self, cost: CostModel, kv_capacity_tokens: int) -> None:
        super().__init__(cost, kv_capacity_tokens, Role.DECODE)
        self.handed: list[Job] = []

    def take_over(self, job: Job) -> None:
        """Let a prompt whose KV is here be decoded."""
        job.resident, job.state = False, State.RUNNING
        self.running[job] = None
        self.kv_tokens += job.context_tokens
        self.handed.append(job)

    def begin(self, now_ns: int) -> None:
        """Decide what the next iterations hold, and when they end."""
        for job in self.handed:
            self._decode(job)
        self.handed.clear()
        PooledReplica.begin(self, now_ns)

    def take_out_handed(self) -> list[Job]:
        """Take those out, with their KV, that do not decode yet."""
        leaving = self.handed[:]
        self.handed.clear()
        for job in leaving:
            del self.running[job]
            self.kv_tokens -= job.context_tokens
            job.resident, job.state = True, State.MOVING
        return leaving

    def fail(self, now_ns: int) -> list[Job]:
        """Lose all KV and the iteration in progress. Returns all requests, those admitted first."""
        self.handed.clear()
        return PooledReplica.fail(self, now_ns)

    def end_between(self, now_ns: int) -> None:
        """Where an iteration of the run in progress ends at this very moment, let the run end with it."""
        count = iterations_past(now_ns - self.began_ns, self._first_ns, self._growth_ns) - 1
        if count and self.began_ns + stretch_ns(count, self._first_ns, self._growth_ns) == now_ns:
            self._iterations, self.ends_ns = count, now_ns

    def most_kv_tokens(self) -> int:
        """Return the KV in use when the iterations in progress have ended, if none finishes then."""
        return self.kv_tokens + (self.decodes * self._iterations if self.ends_ns != IDLE else 0)


class SharedReplica:
    """A machine that is a `PooledReplica` in roles 0 and 1, and in role 2 one of each, side by side.

    Attributes:
        role: what it does; changed by `take_role` when it is empty.  share: of prefill in role 2, percent.
        ends_ns: when the next iterations of a side end; IDLE when there are none.
        prefilled: requests whose prompt is complete and whose KV is to go elsewhere (role 0); the fleet takes them.
        swapped: requests taken out with their KV for want of room; the fleet takes them away.
    """

    __slots__ = (
        "_cost",
        "_decode",
        "_kv_capacity_tokens",
        "_prefill",
        "_told_ns",
        "ends_ns",
        "prefilled",
        "role",
        "share",
    )

    def __init__(self, cost: CostModel, kv_capacity_tokens: int, role: Role) -> None:
        self._cost, self._kv_capacity_tokens = cost, kv_capacity_tokens
        self._prefill = PooledReplica(cost, kv_capacity_tokens, Role.PREFILL)
        self._decode = _Decoding(cost, kv_capacity_tokens)
        self.prefilled: list[Job] = []
        self.share = FIRST_SHARE
        self.ends_ns = self._told_ns = IDLE
        self.take_role(role)

    def take_role(self, role: Role) -> None:
        """Do something else from now on; nothing is admitted now."""
        assert not self.running
        self.role = role
        self._divide()

    def take_share(self, share: int, now_ns: int) -> bool:
        """Divide the SMs anew, of each side from its next iteration on. Returns whether that changes `ends_ns`."""
        self.share = share
        self._divide()
        return self.cut(now_ns)

    def _divide(self) -> None:
        mixed, cost = self.role is Role.MIXED, self._cost
        self._prefill.room_tokens = NO_LIMIT
        self._prefill.cost = cost.slowed(prefill_slowdown(self.share)) if mixed else cost
        self._decode.cost = cost.slowed(decode_slowdown(self.share)) if mixed else cost

    @property
    def queue(self) -> list[Job]:
        """Those not admitted yet."""
        return [*self._prefill.queue, *self._decode.queue]

    @property
    def running(self) -> dict[Job, None]:
        """All admitted: those whose prompts are computed, and those that decode."""
        return {**self._prefill.running, **self._decode.running} if self._prefill.running else self._decode.running

    @property
    def prompts(self) -> list[Job]:
        """The requests whose prompts are complete when the next iterations end."""
        return self._prefill.prompts if self._prefill.ends_ns == self.ends_ns else []

    @property
    def queued_tokens(self) -> int:
        """Prompt tokens to be computed."""
        return self._prefill.queued_tokens

    @property
    def waiting_kv_tokens(self) -> int:
        """KV of requests that have come with it and wait for room."""
        return self._decode.waiting_kv_tokens

    @property
    def kv_tokens(self) -> int:
        """Tokens in the KV cache, those of prompts in progress reserved at once."""
        return self._prefill.kv_tokens + self._decode.kv_tokens

    def kv_tokens_at(self, now_ns: int) -> int:
        """Return the tokens in the KV cache, counted up to the last iteration that has ended."""
        return self._prefill.kv_tokens + self._decode.kv_tokens_at(now_ns)

    @property
    def decodes(self) -> int:
        """How many are being decoded."""
        return self._decode.decodes

    @property
    def swapped(self) -> list[Job]:
        """Those taken out with their KV for want of room."""
        return self._decode.swapped

    @property
    def preemptions(self) -> int:
        """How many were taken out for want of room."""
        return self._decode.preemptions

    @property
    def busy_ns(self) -> int:
        """Time in which the sides computed, added up: at most twice the time in role 2."""
        return self._prefill.busy_ns + self._decode.busy_ns

    def enqueue(self, job: Job, index: int) -> None:
        """Put a request at the end of the queue of its side; `index` is this machine's number."""
        (self._decode if job.resident else self._prefill).enqueue(job, index)

    def resume(self, now_ns: int) -> bool:
        """Let each side that is idle begin, and the other see what is new. Returns whether `ends_ns` is a new one."""
        prefill, decode = self._prefill, self._decode
        if decode.ends_ns == IDLE:
            if self.role is not Role.PREFILL:  # there prompts have no limit, as in a `PooledReplica`
                decode.kv_capacity_tokens = self._kv_capacity_tokens - prefill.kv_tokens
                decode.begin(now_ns)
        elif decode.queue or decode.handed:
            decode.cut(now_ns)
        if prefill.ends_ns == IDLE and prefill.queue:
            if self.role is Role.MIXED:
                prefill.room_tokens = self._kv_capacity_tokens - decode.kv_tokens_at(now_ns) - decode.decodes
            prefill.begin(now_ns)
            if decode.most_kv_tokens() + prefill.kv_tokens > self._kv_capacity_tokens:
                decode.cut(now_ns)
        return self._tell()

    def end(self, now_ns: int) -> list[Job]:
        """Take in what has ended now; decodes before prompts. Returns the requests that are complete."""
        prefill, decode = self._prefill, self._decode
        done: list[Job] = []
        if prefill.ends_ns == now_ns and decode.ends_ns > now_ns:
            decode.end_between(now_ns)
        if decode.ends_ns == now_ns:
            done += decode.end(now_ns)
        if prefill.ends_ns == now_ns:
            done += prefill.end(now_ns)
            complete, prefill.prefilled = prefill.prefilled, []
            if self.role is Role.MIXED:
                for job in complete:
                    decode.take_over(job)
            else:
                self.prefilled = complete
        self._tell()
        self._told_ns = IDLE
        return done

    def cut(self, now_ns: int) -> bool:
        """End the run of decode iterations with the one in progress. Returns whether that changes `ends_ns`."""
        self._decode.cut(now_ns)
        return self._tell()

    def _tell(self) -> bool:
        ends = [side.ends_ns for side in (self._prefill, self._decode) if side.ends_ns != IDLE]
        self.ends_ns = min(ends, default=IDLE)
        new = self.ends_ns not in (IDLE, self._told_ns)
        self._told_ns = self.ends_ns
        return new

    def clear_queue(self) -> list[Job]:
        """Take all requests out that are not admitted."""
        return [*self._prefill.clear_queue(), *self._decode.clear_queue()]

    def take_out_all(self) -> tuple[list[Job], Job | None]:
        """Take out those that decode, if no iteration of theirs is in progress, and those that are about to.

        Returns them, with their KV; and None, since a batch of prompts is always ended.
        """
        handed = self._decode.take_out_handed()
        leaving = self._decode.take_out_all()[0] if self._decode.ends_ns == IDLE else []
        return [*leaving, *handed], None

    def fail(self, now_ns: int) -> list[Job]:
        """Lose all KV and the iterations in progress. Returns all requests."""
        lost = [*self._prefill.fail(now_ns), *self._decode.fail(now_ns)]
        self.ends_ns = self._told_ns = IDLE
        return lost
