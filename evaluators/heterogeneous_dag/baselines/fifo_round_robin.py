"""Tasks in the order of their numbers, PEs in turn; in a stream, the oldest ready task on the first idle PE.

The naive baseline: it scores 0. Source: none needed; FIFO is the default of the simulator DS3 (arXiv 2003.09016).
"""

import heapq


class Policy:
    def __init__(self, info):
        pass

    def place(self, dag):
        pes = len(dag.work[0])
        missing = [len(before) for before in dag.predecessors]
        ready = [task for task, count in enumerate(missing) if count == 0]
        order, pe, turn = [], [0] * len(missing), 0
        while ready:
            task = heapq.heappop(ready)
            order.append(task)
            while dag.work[task][turn % pes] < 0:
                turn += 1
            pe[task] = turn % pes
            turn += 1
            for successor, _ in dag.successors[task]:
                missing[successor] -= 1
                if missing[successor] == 0:
                    heapq.heappush(ready, successor)
        return order, pe

    def assign(self, obs):
        for index, work in enumerate(obs.work):
            for pe in obs.idle:
                if work[pe] >= 0:
                    return index, pe
        return None
