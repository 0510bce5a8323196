"""HEFT that books the buses: highest upward rank first, each task where it ends first, its transfers included.

Where no bus is shared it is HEFT; in a stream, HEFT_RT.
Source: Sinnen & Sousa 2005 (Communication contention in task scheduling, IEEE TPDS 16(6)).
"""

from bisect import insort


def put(busy, at, ticks):
    """Add the first interval of so many ticks, from a tick on, that lies beside all others; return its start."""
    for from_tick, to_tick in busy:
        if at + ticks <= from_tick:
            break
        at = max(at, to_tick)
    insort(busy, (at, at + ticks))
    return at


class Gaps:
    """The schedule so far: what is busy on each PE and each bus, and where the next task would fit."""

    def __init__(self, dag, contention):
        self.dag = dag
        self.contention = contention
        self.buses = {}
        self.busy = [[] for _ in dag.work[0]]
        self.end = [0] * len(dag.work)
        self.pe = [0] * len(dag.work)
        self.order = []

    def inputs(self, task, pe, keep):
        """When all inputs of a task would be on a PE. keep: whether their places on the buses are taken."""
        at, taken = 0, []
        for before, transfer in sorted(self.dag.predecessors[task], key=lambda arc: (self.end[arc[0]], arc[0])):
            there, sent = self.pe[before], self.end[before]
            if there != pe:
                if self.contention and transfer:
                    bus = self.buses.setdefault((min(there, pe), max(there, pe)), [])
                    sent = put(bus, sent, transfer)
                    taken.append((bus, (sent, sent + transfer)))
                sent += transfer
            at = max(at, sent)
        if not keep:
            for bus, one in taken:
                bus.remove(one)
        return at

    def finish(self, task, pe):
        """When a task would end in the earliest gap of a PE; never, where it cannot run."""
        ticks = self.dag.work[task][pe]
        if ticks < 0:
            return float("inf")
        start = self.inputs(task, pe, keep=False)
        for from_tick, to_tick in self.busy[pe]:
            if start + ticks <= from_tick:
                break
            start = max(start, to_tick)
        return start + ticks

    def best(self, task):
        """(end, PE) where a task would end first."""
        return min((self.finish(task, pe), pe) for pe in range(len(self.busy)))

    def put(self, task, pe):
        self.end[task] = self.finish(task, pe)
        self.pe[task] = pe
        self.inputs(task, pe, keep=True)
        insort(self.busy[pe], (self.end[task] - self.dag.work[task][pe], self.end[task]))
        self.order.append(task)


def topological(dag):
    missing = [len(before) for before in dag.predecessors]
    order = [task for task, count in enumerate(missing) if count == 0]
    for task in order:
        for successor, _ in dag.successors[task]:
            missing[successor] -= 1
            if missing[successor] == 0:
                order.append(successor)
    return order


def mean(row):
    able = [ticks for ticks in row if ticks >= 0]
    return sum(able) / len(able)


def upward_ranks(dag):
    rank = [0.0] * len(dag.work)
    for task in reversed(topological(dag)):
        after = [transfer + rank[successor] for successor, transfer in dag.successors[task]]
        rank[task] = mean(dag.work[task]) + max(after, default=0.0)
    return rank


def pairs(obs):
    """(index, PE, end) of each ready task on each idle PE that can run it."""
    for index, work in enumerate(obs.work):
        for pe in obs.idle:
            if work[pe] >= 0:
                yield index, pe, max(obs.now, obs.data_at[index][pe]) + work[pe]


class Policy:
    def __init__(self, info):
        self.contention = info.kind == "contention"

    def place(self, dag):
        rank, plan = upward_ranks(dag), Gaps(dag, self.contention)
        early = {task: place for place, task in enumerate(topological(dag))}
        for task in sorted(range(len(rank)), key=lambda task: (-rank[task], early[task])):
            plan.put(task, plan.best(task)[1])
        return plan.order, plan.pe

    def assign(self, obs):
        best = min(((-obs.rank[index], end, index, pe) for index, pe, end in pairs(obs)), default=None)
        return None if best is None else (best[2], best[3])
