"""Critical path on a processor: the tasks of the longest chain all run on the PE where they take least.

The ready task with the highest sum of upward and downward rank comes first. In a stream every job has a PE for its
chain, and its chain waits for it.
Source: Topcuoglu, Hariri & Wu 2002 (IEEE TPDS 13(3)).
"""

from bisect import insort


class Gaps:
    """The schedule so far: what is busy on each PE, and where the next task would fit."""

    def __init__(self, dag):
        self.dag = dag
        self.busy = [[] for _ in dag.work[0]]
        self.end = [0] * len(dag.work)
        self.pe = [0] * len(dag.work)
        self.order = []

    def finish(self, task, pe):
        """When a task would end in the earliest gap of a PE; never, where it cannot run."""
        ticks = self.dag.work[task][pe]
        if ticks < 0:
            return float("inf")
        start = 0
        for before, transfer in self.dag.predecessors[task]:
            start = max(start, self.end[before] + (0 if self.pe[before] == pe else transfer))
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
        insort(self.busy[pe], (self.end[task] - self.dag.work[task][pe], self.end[task]))
        self.order.append(task)


def by_choice(dag, choose):
    """Place one ready task after the other. choose: gives (task, PE) of the ready ones."""
    plan = Gaps(dag)
    missing = [len(before) for before in dag.predecessors]
    ready = [task for task, count in enumerate(missing) if count == 0]
    while ready:
        task, pe = choose(plan, ready)
        plan.put(task, pe)
        ready.remove(task)
        for successor, _ in dag.successors[task]:
            missing[successor] -= 1
            if missing[successor] == 0:
                ready.append(successor)
    return plan.order, plan.pe


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


def chain_of(dag):
    """(priorities, tasks of the critical path, their PE)."""
    up, down = upward_ranks(dag), [0.0] * len(dag.work)
    for task in topological(dag):
        for before, transfer in dag.predecessors[task]:
            down[task] = max(down[task], down[before] + mean(dag.work[before]) + transfer)
    priority = [u + d for u, d in zip(up, down, strict=True)]
    task = max((t for t, before in enumerate(dag.predecessors) if not before), key=lambda t: (priority[t], -t))
    chain = [task]
    while dag.successors[task]:
        task = max((s for s, _ in dag.successors[task]), key=lambda t: (priority[t], -t))
        chain.append(task)
    totals = []
    for pe in range(len(dag.work[0])):
        ticks = [dag.work[task][pe] for task in chain]
        totals.append((sum(t < 0 for t in ticks), sum(ticks), pe))
    return priority, set(chain), min(totals)[2]


class Policy:
    def __init__(self, info):
        self.jobs = {}

    def place(self, dag):
        priority, chain, chain_pe = chain_of(dag)

        def choose(plan, ready):
            task = max(ready, key=lambda t: (priority[t], -t))
            if task in chain and dag.work[task][chain_pe] >= 0:
                return task, chain_pe
            return task, plan.best(task)[1]

        return by_choice(dag, choose)

    def assign(self, obs):
        for arrival in obs.arrived:
            self.jobs[arrival.job] = chain_of(arrival.dag)
        best = None
        for index, pe, end in pairs(obs):
            priority, chain, chain_pe = self.jobs[obs.job[index]]
            task = obs.task[index]
            if task in chain and obs.work[index][chain_pe] >= 0 and pe != chain_pe:
                continue
            if best is None or (-priority[task], end) < best[:2]:
                best = (-priority[task], end, index, pe)
        return None if best is None else best[2:]
