"""A second engine, on simpy, from the statement alone: the GPU, the CPU and the link are processes of their own."""

from __future__ import annotations

import simpy


def run(costs, cached, calls):
    """Compute layers as ordered. cached: least recently used first.  calls: (layer, active, tokens, orders).

    Returns when each layer ended, how long the link was busy, and what is on the GPU or on its way at the end.
    """
    env = simpy.Environment()
    link = simpy.Resource(env)
    there = set(cached)  # or on its way
    waiting = {}  # whom the GPU waits for: an event, and when it came
    came = {}
    used = {key: (-1, 0, place) for place, key in enumerate(cached)}  # when last: layer, kind, place in it
    coming = set()
    ends, busy = [], [0]

    def make_room(in_use, evict):
        if len(there) < costs.capacity:
            return True
        free = [key for key in there if key not in in_use and key not in coming]
        if not free:
            return False
        listed = [key for key in evict if key in free]
        victim = listed[0] if listed else min(free, key=used.get)
        there.discard(victim)
        del used[victim]
        return True

    def load(number, key, in_use, evict, place):
        """Load one; the link is ours."""
        if not make_room(in_use, evict):
            return
        there.add(key)
        used[key] = (number, 1, place)
        coming.add(key)
        busy[0] += costs.load_us
        yield env.timeout(costs.load_us)
        coming.discard(key)
        came[key] = env.now
        if key in waiting:
            waiting.pop(key).succeed()

    def transfers(number, missing, orders, in_use, state):
        with link.request() as asked:
            yield asked  # what runs is not interrupted
            for key in missing:
                yield from load(number, key, in_use, orders.evict, 0)
            for place, key in enumerate(orders.prefetch):
                if "ended" in state and env.now >= state["ended"] + costs.fixed_us:
                    return
                if key not in there:
                    yield from load(number, key, in_use, orders.evict, place)

    def gpu(number, in_use):
        left = dict(in_use)
        place = 0
        while left:
            ready = [key for key in left if key in there and key not in coming]
            if not ready:
                for key in left:
                    waiting.setdefault(key, env.event())
                yield env.any_of([waiting[key] for key in left])
                continue
            # Of those that are ready at the start all come first; of later ones, as they come.
            key = min(ready, key=lambda key: (came.get(key, 0), key))
            yield env.timeout(costs.on_gpu_us(left.pop(key)))
            used[key] = (number, 0, place)
            place += 1

    def cpu(times):
        for us in times:
            yield env.timeout(us)

    def main():
        for number, (layer, active, tokens, orders) in enumerate(calls):
            yield env.timeout(costs.fixed_us)
            # Whatever ends at this very moment has ended.
            yield env.timeout(0)
            yield env.timeout(0)
            rank = {expert: place for place, expert in reversed(list(enumerate(orders.load)))}
            on_gpu = {(layer, e): n for e, n, c in zip(active, tokens, orders.cpu, strict=True) if not c}
            on_cpu = [costs.on_cpu_us(n) for n, c in zip(tokens, orders.cpu, strict=True) if c]
            missing = sorted((k for k in on_gpu if k not in there), key=lambda k: (rank.get(k[1], 99), k[1]))
            state = {}
            came.clear()
            env.process(transfers(number, missing, orders, on_gpu, state))
            yield env.all_of([env.process(gpu(number, on_gpu)), env.process(cpu(on_cpu))])
            state["ended"] = env.now
            ends.append(env.now)
        yield env.timeout(costs.fixed_us)  # in which prefetches may still begin

    env.run(env.process(main()))
    return ends, busy[0], there
