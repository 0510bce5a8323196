"""Greatest rank positional weight: the duration of a task and of those that follow it at once.

Source: GRPW in Alvarez-Valdes and Tamarit 1989; Kolisch 1996."""

HOW = "serial"  # or "parallel"


def schedule(project):
    return HOW, [
        -project.duration[task] - sum(project.duration[s] for s in following)
        for task, following in enumerate(project.successors)
    ]
