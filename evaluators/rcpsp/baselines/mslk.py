"""Minimum slack first: the latest start minus the earliest, resources being without limit.

Source: MSLK in Davis and Patterson 1975 (Management Science 21)."""

HOW = "serial"  # or "parallel"


def times(project):
    """The earliest start and the latest finish of every task, resources being without limit."""
    tasks = len(project.duration)
    order, waits = [], [len(before) for before in project.predecessors]
    ready = [task for task in range(tasks) if not waits[task]]
    while ready:
        order.append(ready.pop())
        for s in project.successors[order[-1]]:
            waits[s] -= 1
            if not waits[s]:
                ready.append(s)
    early = list(project.release)
    for task in order:
        for before in project.predecessors[task]:
            early[task] = max(early[task], early[before] + project.duration[before])
    end = max(start + duration for start, duration in zip(early, project.duration, strict=True))
    late = [end if deadline < 0 else deadline for deadline in project.deadline]
    for task in reversed(order):
        for s in project.successors[task]:
            late[task] = min(late[task], late[s] - project.duration[s])
    return early, late


def schedule(project):
    early, late = times(project)
    return HOW, [late[t] - project.duration[t] - early[t] for t in range(len(late))]
