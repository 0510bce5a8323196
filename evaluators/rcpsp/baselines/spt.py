"""Shortest task first.

Source: SPT in Davis and Patterson 1975 (Management Science 21)."""

HOW = "serial"  # or "parallel"


def schedule(project):
    return HOW, project.duration
