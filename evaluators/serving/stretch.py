"""Many decode iterations at once: their time in closed form, and its inverse. Exact, in integers.

While a batch of b requests only decodes, each iteration adds b tokens to the KV cache, so that the next one takes
`growth_ns` = kv_ns * b longer. k iterations, the first of `first_ns`, take k * first_ns + growth_ns * k (k - 1) / 2.
"""

from __future__ import annotations

from math import isqrt


def stretch_ns(iterations: int, first_ns: int, growth_ns: int) -> int:
    """Return the time of so many iterations, ns. One of k and k - 1 is even: the division is exact."""
    return iterations * first_ns + growth_ns * (iterations * (iterations - 1) // 2)


def iterations_past(passed_ns: int, first_ns: int, growth_ns: int) -> int:
    """Return the least number of iterations that take longer than `passed_ns` >= 0; first_ns > 0, growth_ns >= 0.

    With A = growth and B = 2 first - growth it is the least k with A k^2 + B k > 2 passed.
    """
    if not growth_ns:
        return passed_ns // first_ns + 1
    linear = 2 * first_ns - growth_ns
    count = (isqrt(linear * linear + 8 * growth_ns * passed_ns) - linear) // (2 * growth_ns)
    # isqrt rounds down, so this is at most the root, and the answer is one or two above it.
    while count * (2 * first_ns + growth_ns * (count - 1)) <= 2 * passed_ns:
        count += 1
    return count
