"""Predict earliest finish time: each task where its end plus the optimistic cost of what follows is least.

In a stream the same among ready tasks and idle PEs.
Source: Arabnejad & Barbosa 2014 (IEEE TPDS 25(3)).
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


def pairs(obs):
    """(index, PE, end) of each ready task on each idle PE that can run it."""
    for index, work in enumerate(obs.work):
        for pe in obs.idle:
            if work[pe] >= 0:
                yield index, pe, max(obs.now, obs.data_at[index][pe]) + work[pe]


def optimistic_costs(dag):
    """OCT: (n, PEs), the least time from the end of a task on a PE to the end of the graph, PEs being free."""
    pes = range(len(dag.work[0]))
    table = [[0.0] * len(pes) for _ in dag.work]
    for task in reversed(topological(dag)):
        for successor, transfer in dag.successors[task]:
            rest = [
                after + ticks if ticks >= 0 else float("inf")
                for after, ticks in zip(table[successor], dag.work[successor], strict=True)
            ]
            elsewhere = min(rest) + transfer
            for pe in pes:
                table[task][pe] = max(table[task][pe], min(rest[pe], elsewhere))
    return table


class Policy:
    def __init__(self, info):
        self.jobs = {}

    def place(self, dag):
        table = optimistic_costs(dag)
        pes = range(len(dag.work[0]))

        def choose(plan, ready):
            task = max(ready, key=lambda t: (sum(table[t]), -t))
            return task, min(pes, key=lambda pe: plan.finish(task, pe) + table[task][pe])

        return by_choice(dag, choose)

    def assign(self, obs):
        for arrival in obs.arrived:
            self.jobs[arrival.job] = optimistic_costs(arrival.dag)
        best = None
        for index, pe, end in pairs(obs):
            table = self.jobs[obs.job[index]][obs.task[index]]
            found = (-sum(table), end + table[pe], index, pe)
            best = found if best is None else min(best, found)
        return None if best is None else best[2:]
