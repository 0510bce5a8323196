"""As given: the transactions in the order of their numbers.

Source: first come, first served, what a database without a scheduler does. The naive baseline.
"""


def schedule(transactions):
    return list(range(len(transactions)))
