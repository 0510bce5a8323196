"""A second engine for the families d2moe and apex, from the statement alone: every microsecond is looked at."""

from __future__ import annotations


class Machine:
    """GPU, CPU and link, tick by tick. sizes: what of each expert is on the GPU or on its way, oldest use first."""

    def __init__(self, sizes, room, layers):
        self.sizes, self.room, self.layers = dict(sizes), room, layers
        self.age = {key: (-1, 0, place) for place, key in enumerate(sizes)}
        self.now, self.number = 0, -1
        self.transfer = None  # [ticks left, expert, what was there of it before]
        self.moved = 0
        self.queue, self.evict, self.in_use, self.prefetching = [], [], set(), 0

    def usable(self, key):
        if self.transfer is not None and self.transfer[1] == key:
            return self.transfer[2]
        return self.sizes.get(key, 0)

    def begin_transfer(self, load_us):
        """Start what is next on the idle link; what is there already or has no room is passed over."""
        while self.transfer is None and self.queue:
            key, size, demanded = self.queue.pop(0)
            had = self.sizes.get(key, 0)
            if had >= size:
                continue
            free = self.room - sum(self.sizes.values())
            going = []
            order = [k for k in self.evict if k in self.sizes] + sorted(self.sizes, key=self.age.get)
            for victim in order:
                if free >= size - had:
                    break
                if victim not in self.in_use and victim != key and victim not in going:
                    going.append(victim)
                    free += self.sizes[victim]
            if free < size - had:
                assert not demanded
                continue
            for victim in going:
                del self.sizes[victim], self.age[victim]
            self.sizes[key] = size
            self.prefetching += 1
            self.age[key] = (self.number, 1, self.prefetching)
            self.transfer = [load_us(size - had), key, had]
            self.moved += size - had

    def tick(self, load_us):
        """Let a microsecond pass. Whoever calls has started the processors."""
        self.begin_transfer(load_us)
        self.now += 1
        if self.transfer is not None:
            self.transfer[0] -= 1
            if self.transfer[0] == 0:
                self.transfer = None

    def wait(self, ticks, load_us):
        """Let the time between two layers pass, in which prefetches may begin."""
        for _ in range(ticks):
            self.tick(load_us)

    def layer(self, needed, orders, load_us, gpu_us, cpu_us):
        """Compute a layer. needed: (expert, size, tokens, whether on the CPU).  cpu_us: of all its work.

        orders: (order of loads, prefetches with sizes, evictions). Returns when the layer has ended.
        """
        self.number += 1
        order, prefetch, self.evict = orders
        left = {key: (size, n) for key, size, n, on_cpu in needed if not on_cpu}
        self.in_use = set(left)
        # Demanded ones first, as ordered; what is not in the order follows, ascending.
        missing = [key for key in left if self.sizes.get(key, 0) < left[key][0]]
        missing.sort(key=lambda key: (order.index(key[1]) if key[1] in order else len(order), key[1]))
        self.queue = [(key, left[key][0], True) for key in missing]
        self.queue += [(key, size, False) for key, size in prefetch]
        came = {key: 0 for key in left if self.usable(key) >= left[key][0]}
        at_once, place, gpu_left, cpu_left = set(came), 0, 0, cpu_us
        while True:
            for key in left:
                if key not in came and self.usable(key) >= left[key][0]:
                    came[key] = self.now
            if gpu_left == 0:
                ready = sorted((0 if key in at_once else came[key], key) for key in left if key in came)
                if ready:
                    key = ready[0][1]
                    gpu_left = gpu_us(left.pop(key)[1])
                    self.age[key] = (self.number, 0, place)
                    place += 1
            if not left and gpu_left == 0 and cpu_left == 0:
                return self.now
            self.tick(load_us)
            gpu_left = max(0, gpu_left - 1)
            cpu_left = max(0, cpu_left - 1)

    def shrink(self, room):
        """Let the least recently used go until the rest has room."""
        self.room = room
        while sum(self.sizes.values()) > room:
            moving = None if self.transfer is None else self.transfer[1]
            free = [key for key in self.sizes if key != moving]
            if not free:
                return
            victim = min(free, key=self.age.get)
            del self.sizes[victim], self.age[victim]
