"""Most total successors: first the task that most others wait for, directly or not.

Source: MTS in Alvarez-Valdes and Tamarit 1989; Kolisch 1996."""

HOW = "serial"  # or "parallel"


def schedule(project):
    after = {}

    def all_after(task):
        if task not in after:
            after[task] = set(project.successors[task]).union(*map(all_after, project.successors[task]))
        return after[task]

    return HOW, [-len(all_after(task)) for task in range(len(project.duration))]
