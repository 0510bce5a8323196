"""A value for each request, which decides on the device of its pages; and moves of pages between them."""

from collections import Counter

# EVOLVE-BLOCK-START
import math
from collections import OrderedDict
# The system is simulated along with the real one, once for each of some settings of a policy that prices devices in
# microseconds; after every 500 requests the real one goes on with the setting that has served the trace best so far.
# Touches to come of requests and of victims are learned from the trace by fading counts, for all settings together.
LIFE = 300.0  # requests after which half of a fading count is left
AHEAD = 250  # requests over which touches are counted to learn
SETTINGS = [  # weight of evictions, price of free room, spans of AHEAD that a page stays
    (1.2, 0.6, 3.0),
    (1.8, 0.6, 3.0),
    (1.2, 0.2, 3.0),
    (1.0, 0.3, 6.0),
    (2.5, 0.5, 6.0),
    (1.5, 3.0, 3.0),
    (1e6, 0.0, 3.0),
    (1e6, 0.6, 3.0),
]


class Table:
    """Mean touches in the next AHEAD requests by fading count and size; starts from a guess."""

    def __init__(self, guess):
        self.guess = guess
        self.sum = {}
        self.n = {}

    def key(self, s, size):
        return (round(2 * math.log2(s)) if s > 0.01 else -13, min(3, size // 3))

    def add(self, s, size, touches):
        k = self.key(s, size)
        self.sum[k] = self.sum.get(k, 0.0) + touches
        self.n[k] = self.n.get(k, 0) + 1

    def fade(self):
        for k in self.n:
            self.sum[k] *= 0.8
            self.n[k] *= 0.8

    def mean(self, s, size):
        k = self.key(s, size)
        return (self.sum.get(k, 0.0) + 6 * self.guess * s) / (self.n.get(k, 0) + 6)


class System:
    """What the devices hold and when they are free, under one setting."""

    def __init__(self, core, info):
        self.core, self.info = core, info
        self.last = len(info.capacity) - 1
        self.where = {}
        self.lru = [OrderedDict() for _ in info.capacity]
        self.free_at = [0.0] * (self.last + 1)
        self.ends = [-1] * (self.last + 1)
        self.total = 0.0

    def decide(self, setting, at, page, pages, write, touches, queue, free):
        weight, room, stay = setting
        core, info, where = self.core, self.info, self.where
        best, best_cost = self.last, None
        homes = [where.get(one) for one in range(page, page + pages)]
        for device in range(self.last + 1):
            cost = queue[device] + core.io(device, pages, write) + stay * touches * core.gain(0, device, pages)
            if self.ends[device] == page and info.write_us[device] > 1000:
                cost -= info.write_us[device] if write else info.read_us[device]
            if device < self.last:
                new = pages - homes.count(device)
                need = max(0, new - free[device])
                if need > info.capacity[device]:
                    continue
                one = core.io(device, 1, False) + core.io(device + 1, 1, True)
                if need:
                    cost += weight * need * one + stay * need * self.missed(device, need, at)
                cost += room * (one if one < 1000 else 0.15 * one) * (new - need)
            if best_cost is None or cost < best_cost:
                best, best_cost = device, cost
        return best

    def missed(self, device, need, at):
        """What touches of a victim to come will take longer, the mean of the first few."""
        core, total, n = self.core, 0.0, 0
        for victim in self.lru[device]:
            size = core.size.get(victim, 1)
            total += core.table.mean(core.count(victim, at), size) * core.gain(device, device + 1, size) / size
            n += 1
            if n >= min(need, 3):
                break
        return total / max(1, n)

    def put(self, page, device):
        old = self.where.get(page)
        if old is not None:
            self.lru[old].pop(page, None)
        self.where[page] = device
        self.lru[device][page] = None

    def work(self, device, t, page, pages, write):
        core, info = self.core, self.info
        took = core.io(device, pages, write)
        if self.ends[device] == page and info.write_us[device] > 1000:
            took -= info.write_us[device] if write else info.read_us[device]
        self.ends[device] = page + pages
        self.free_at[device] = max(t, self.free_at[device]) + took
        return self.free_at[device]

    def serve(self, t, page, pages, write, device):
        """Carry a request out; its latency."""
        ready = t
        where, info = self.where, self.info
        for one in range(page, page + pages):
            if write or one not in where:
                self.put(one, device)
            else:
                self.lru[where[one]].move_to_end(one)
        for level in range(self.last):
            while len(self.lru[level]) > info.capacity[level]:
                victim = next(iter(self.lru[level]))
                ready = self.work(level, ready, victim, 1, False)
                ready = self.work(level + 1, ready, victim, 1, True)
                self.put(victim, level + 1)
        homes = [where[one] for one in range(page, page + pages)]
        end = t
        for level in set(homes):
            k = homes.index(level)
            end = max(end, self.work(level, ready, page + k, homes.count(level), write))
        return end - t


class Policy:
    def __init__(self, info):
        self.info = info
        self.last = len(info.capacity) - 1
        self.now = 0
        self.score, self.size, self.times = {}, {}, {}
        self.table = Table(0.4)  # one for requests and for what is left alone
        self.log, self.asked, self.before = [], [], {}
        self.clock = 0.0
        self.costs = {}
        self.real = System(self, info)
        self.shadows = [System(self, info) for _ in SETTINGS]
        self.setting = SETTINGS[0]

    def io(self, device, pages, write):
        key = (device, pages, write)
        if key not in self.costs:
            info = self.info
            us, speed = (info.write_us, info.write_mb_s) if write else (info.read_us, info.read_mb_s)
            self.costs[key] = us[device] + pages * 4096 / speed[device]
        return self.costs[key]

    def gain(self, fast, slow, size):
        """What a touch takes longer on the slow one."""
        io = self.io
        return 0.5 * (io(slow, size, False) + io(slow, size, True) - io(fast, size, False) - io(fast, size, True))

    def count(self, page, at):
        s, last = self.score.get(page, (0.0, at))
        return s * 0.5 ** ((at - last) / LIFE)

    def touch(self, page, at, pages, size):
        for one in range(page, page + pages):
            self.score[one] = (self.count(one, at) + 1.0, at)
            self.size[one] = size

    def place(self, req):
        at = self.now + len(self.asked)
        pages, write = int(req.pages), bool(req.is_write)
        touches = self.table.mean(self.count(req.page, at) + 1.0, pages)
        free = [int(f * c + 0.5) for f, c in zip(req.free_frac, self.info.capacity)]
        real = self.real
        device = real.decide(self.setting, at, req.page, pages, write, touches, req.queue_us, free)
        self.asked.append((req.page, pages, write, req.t_us, touches))
        self.touch(req.page, at, pages, pages)
        real.serve(req.t_us, req.page, pages, write, device)
        return device

    def migrate(self, obs):
        pages = obs.page.tolist()[-500:]
        writes = obs.is_write.tolist()[-500:]
        devices = obs.device_now.tolist()[-500:]
        t, k, start = self.clock, 0, self.now
        asked, self.asked = self.asked, []
        stream = []
        for i, page in enumerate(pages):
            at = start + i
            if k < len(asked) and asked[k][0] == page and asked[k][2] == bool(writes[i]):
                _, size, write, t, touches = asked[k]
                k += 1
                stream.append((at, page, size, write, t, touches))
            else:
                size = self.size.get(page, 1)
                self.touch(page, at, 1, size)
                if page in self.real.where:
                    self.real.lru[self.real.where[page]].move_to_end(page)
                stream.append((at, page, size, False, None, 0.0))
            self.times.setdefault(page, []).append(at)
            self.log.append((at, page, self.count(page, at), size))
        self.now = start + len(pages)
        for page, device in zip(pages, devices):
            if 0 <= device <= self.last and self.real.where.get(page) != device:
                self.real.put(page, device)
        self.replay(stream, obs.t_us)
        self.learn()
        span = max(1.0, obs.t_us - self.clock)
        self.clock = obs.t_us
        return self.promote(obs, len(pages) / span)

    def replay(self, stream, end):
        """All settings serve what came since the last time; times of reads that nobody asked about lie between the others."""
        times = [one[4] for one in stream]
        last, at = self.clock, -1
        for i in range(len(times) + 1):
            t = times[i] if i < len(times) else end
            if t is not None:
                for j in range(at + 1, i):
                    times[j] = last + (t - last) * (j - at) / (i - at)
                last, at = t, i
        for system, setting in zip(self.shadows, SETTINGS):
            total = 0.0
            for (i, page, pages, write, known, touches), t in zip(stream, times):
                device = self.last
                if known is not None:
                    queue = [max(0.0, one - t) for one in system.free_at]
                    free = [c - len(lru) for c, lru in zip(self.info.capacity, system.lru)]
                    device = system.decide(setting, i, page, pages, write, touches, queue, free)
                total += system.serve(t, page, pages, write, device)
            system.total = 0.8 * system.total + total
        self.setting = SETTINGS[min(range(len(SETTINGS)), key=lambda k: self.shadows[k].total)]

    def runs(self, pages):
        """Pages that follow one another, as lists."""
        found = []
        for page in sorted(pages):
            if found and found[-1][-1] + 1 == page:
                found[-1].append(page)
            else:
                found.append([page])
        return found

    def promote(self, obs, rate):
        """Where room is short above a disk, runs of cold pages go down at the price of one seek."""
        real, info = self.real, self.info
        moves, busy = [], max(obs.queue_us)
        for device in range(self.last):
            one = self.io(device, 1, False) + self.io(device + 1, 1, True)
            if one < 1000 or obs.free_frac[device] > 0.06:
                continue
            worth = {}
            for page in real.lru[device]:
                size = self.size.get(page, 1)
                touches = self.setting[2] * self.table.mean(self.count(page, self.now), size)
                worth[page] = touches * self.gain(device, device + 1, size) / size
            plans = []
            for run in self.runs([page for page in worth if worth[page] < 0.4 * one]):
                run = run[:48]
                cost = info.write_us[device + 1] + len(run) * (one - info.write_us[device + 1])
                gain = 0.5 * one * len(run) - sum(worth[page] for page in run)
                plans.append((gain / cost, gain, cost, run))
            for _, gain, cost, run in sorted(plans, reverse=True):
                if len(run) > 2 and len(moves) + len(run) <= 64 and gain > 1.2 * rate * cost * (busy + 0.5 * cost):
                    busy += cost
                    moves += [(page, device + 1) for page in run]
        for page, target in moves:
            real.put(page, target)
        return moves

    def learn(self):
        done = self.now - AHEAD
        self.table.fade()
        rest = []
        for at, page, s, size in self.log:
            if at >= done:
                rest.append((at, page, s, size))
            else:
                self.table.add(s, size, sum(1 for t in self.times[page] if at < t <= at + AHEAD))
        self.log = rest
        for page, s in self.before.items():
            touches = sum(1 for t in self.times[page] if t >= self.now - 500)
            self.table.add(s, self.size.get(page, 1), touches * AHEAD / 500)
        self.before = {page: self.count(page, self.now) for page, times in self.times.items() if times[-1] > self.now - 750}


# EVOLVE-BLOCK-END
