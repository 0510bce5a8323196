"""When the tasks of a project start."""

# EVOLVE-BLOCK-START
# Tasks in the order of their numbers; whatever else is known of a task could be used, and is not.
HOW = "serial"  # or "parallel": no task that could start waits
NUMBER = 1.0  # how much the number of a task counts
DURATION = 0.0
LATEST_END = 0.0  # the latest end that delays nothing, resources being without limit
SLACK = 0.0  # how long the task may be delayed, resources being without limit
FOLLOWERS = 0.0  # how many tasks follow it at once
DEMAND = 0.0  # its share of the scarcest resource


def rank(number, duration, latest_end, slack, followers, demand):
    """Of the tasks that may be next, the one with the lowest rank is."""
    return (
        NUMBER * number
        + DURATION * duration
        + LATEST_END * latest_end
        + SLACK * slack
        + FOLLOWERS * followers
        + DEMAND * demand
    )


def schedule(project):
    earliest, latest = windows(project)
    ranks = []
    for task, duration in enumerate(project.duration):
        slack = latest[task] - duration - earliest[task]
        demand = max(need / capacity for need, capacity in zip(project.demand[task], project.capacity, strict=True))
        ranks.append(rank(task, duration, latest[task], slack, len(project.successors[task]), demand))
    return HOW, ranks


def windows(project):
    """The earliest start and the latest end of every task, resources being without limit."""
    order, waits = [], [len(before) for before in project.predecessors]
    ready = [task for task, count in enumerate(waits) if count == 0]
    while ready:
        task = ready.pop()
        order.append(task)
        for successor in project.successors[task]:
            waits[successor] -= 1
            if waits[successor] == 0:
                ready.append(successor)
    earliest = list(project.release)
    for task in order:
        for before in project.predecessors[task]:
            earliest[task] = max(earliest[task], earliest[before] + project.duration[before])
    end = max(start + duration for start, duration in zip(earliest, project.duration, strict=True))
    latest = [deadline if deadline >= 0 else end for deadline in project.deadline]
    for task in reversed(order):
        for successor in project.successors[task]:
            latest[task] = min(latest[task], latest[successor] - project.duration[successor])
    return earliest, latest


# EVOLVE-BLOCK-END
