"""LR-1.2: relieve hosts whose use, continued by local regression and times 1.2, is 100 % at the next tick.

Source: Beloglazov and Buyya 2012, local regression (Loess, tricube weights), minimum migration time, PABFD.
"""

import numpy as np

SAFETY = 1.2


class Policy:
    def __init__(self, info):
        self.mips = info.host_mips.astype(float)
        self.ram = info.host_ram_mb.astype(float)
        self.watts = info.host_power_w
        self.need_mb = info.vm_ram_mb
        self.rows = np.arange(len(self.mips))
        self.max_mips = info.vm_max_mips

    def power(self, load):
        """(H,) W at a load of 0 to 1; 0 for a host without VMs is the caller's affair."""
        step = np.clip((load * 10).astype(int), 0, 9)
        low, high = self.watts[self.rows, step], self.watts[self.rows, step + 1]
        return low + (high - low) * (np.minimum(load, 1) * 10 - step)

    def limits(self, obs):
        """(H,) share of its MIPS over which each host is relieved, and (H,) bool, which are."""
        hosts = len(self.mips)
        past = obs.vm_history * self.max_mips[:, None] / 100
        use = np.zeros((hosts, past.shape[1]))
        np.add.at(use, obs.vm_host, past)
        use /= self.mips[:, None]
        x = np.arange(use.shape[1], dtype=float)
        weight = (1 - ((x[-1] - x) / (x[-1] + 1)) ** 3) ** 3
        weight /= weight.sum()
        mean_x, mean_y = weight @ x, use @ weight
        slope = (use - mean_y[:, None]) @ (weight * (x - mean_x)) / (weight @ (x - mean_x) ** 2)
        forecast = mean_y + slope * (x[-1] + 1 - mean_x)
        over = (SAFETY * forecast >= 1) | (use[:, -1] > 1)
        return np.full(hosts, 1.0), over

    def rebalance(self, obs):
        hosts = len(self.mips)
        asked, at = obs.vm_mips.astype(float), obs.vm_host.copy()
        load = np.bincount(at, asked, hosts)
        ram = np.bincount(at, self.need_mb, hosts)
        count = np.bincount(at, minlength=hosts)
        limit, over = self.limits(obs)
        moved = []
        for host in np.flatnonzero(over).tolist():
            mine = np.flatnonzero(at == host)
            mine = mine[np.argsort(self.need_mb[mine], kind="stable")]  # the quickest to migrate first
            left = load[host] - np.concatenate([[0], np.cumsum(asked[mine])])
            enough = left <= limit[host] * self.mips[host]
            moved += mine[: int(enough.argmax()) if enough.any() else len(mine)].tolist()
        for vm in moved:
            self.take(vm, at, asked, load, ram, count, -1)
        for vm in sorted(moved, key=lambda vm: -asked[vm]):
            self.put(vm, at, asked, load, ram, count, limit, ~over, obs.vm_host[vm])
        self.empty(at, asked, load, ram, count, limit, over)
        changed = np.flatnonzero(at != obs.vm_host)
        return np.stack([changed, at[changed]], axis=1)

    def take(self, vm, at, asked, load, ram, count, sign, host=None):
        host = at[vm] if host is None else host
        load[host] += sign * asked[vm]
        ram[host] += sign * self.need_mb[vm]
        count[host] += sign

    def put(self, vm, at, asked, load, ram, count, limit, open_hosts, otherwise):
        """Power-aware best fit: to the host whose power rises least. Returns whether there is one."""
        after = load + asked[vm]
        fits = open_hosts & (after <= limit * self.mips) & (ram + self.need_mb[vm] <= self.ram)
        fits[otherwise] = False
        if fits.any():
            before = np.where(count > 0, self.power(load / self.mips), 0.0)
            rise = np.where(fits, self.power(after / self.mips) - before, np.inf)
            host = int(rise.argmin())
        else:
            host = int(otherwise)
        at[vm] = host
        self.take(vm, at, asked, load, ram, count, 1)
        return bool(fits.any())

    def empty(self, at, asked, load, ram, count, limit, over):
        """Switch off the least loaded hosts whose VMs all fit elsewhere among the hosts that are on."""
        closed = over.copy()
        for host in np.argsort(np.where(count > 0, load / self.mips, np.inf), kind="stable").tolist():
            if not count[host] or closed[host]:
                continue
            mine = np.flatnonzero(at == host)
            mine = mine[np.argsort(-asked[mine], kind="stable")]
            open_hosts = (count > 0) & ~over
            open_hosts[host] = False
            kept = at.copy(), load.copy(), ram.copy(), count.copy()
            for vm in mine.tolist():
                self.take(vm, at, asked, load, ram, count, -1)
                if not self.put(vm, at, asked, load, ram, count, limit, open_hosts, host):
                    at[:], load[:], ram[:], count[:] = kept
                    return
            closed[np.unique(at[mine])] = True
