"""Leave every VM where it is.

Source: what a cluster without rescheduling does; the fragment rate FR0 of Ding et al. 2025 (VMR2L, EuroSys).
"""


def reschedule(pm, vm, limit):
    return []
