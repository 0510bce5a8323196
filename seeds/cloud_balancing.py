"""Which virtual machines leave which host, and where they go."""

import numpy as np

# EVOLVE-BLOCK-START
# THR-0.8: hosts over 80 % are relieved, the least loaded ones emptied; what else is known has weight 0.
RELIEVE = 0.8  # share of its MIPS over which a host is relieved
FILL = 0.8  # share of its MIPS up to which a host is filled
LATEST = 1.0  # how much the last tick counts in what a VM is expected to ask for
MEAN = 0.0  # how much the mean of the last hour counts
PEAK = 0.0  # how much its highest tick counts
RAM = 1.0  # which VMs leave a host that is relieved: those with little RAM
USE = 0.0  # or with much use
EMPTIED = 1.0  # hosts that are at this share of their MIPS or less are emptied, when all goes elsewhere


class Policy:
    def __init__(self, info):
        self.mips = info.host_mips.astype(float)
        self.ram = info.host_ram_mb.astype(float)
        self.watts = info.host_power_w
        self.need_mb = info.vm_ram_mb
        self.max_mips = info.vm_max_mips
        self.rows = np.arange(len(self.mips))

    def power(self, load):
        """(H,) W at a load of 0 to 1; 0 for a host without VMs is the caller's affair."""
        step = np.clip((load * 10).astype(int), 0, 9)
        low, high = self.watts[self.rows, step], self.watts[self.rows, step + 1]
        return low + (high - low) * (np.minimum(load, 1) * 10 - step)

    def rebalance(self, obs):
        hosts = len(self.mips)
        past = obs.vm_history * self.max_mips[:, None] / 100
        asked = LATEST * obs.vm_mips + MEAN * past.mean(axis=1) + PEAK * past.max(axis=1)
        at = obs.vm_host.copy()
        load = np.bincount(at, asked, hosts)
        ram = np.bincount(at, self.need_mb, hosts)
        count = np.bincount(at, minlength=hosts)
        limit, over = np.full(hosts, FILL), load > RELIEVE * self.mips
        moved = []
        for host in np.flatnonzero(over).tolist():
            mine = np.flatnonzero(at == host)
            leaves = RAM * self.need_mb[mine] / 1024 - USE * asked[mine] / self.mips[host]
            mine = mine[np.argsort(leaves, kind="stable")]
            left = load[host] - np.concatenate([[0], np.cumsum(asked[mine])])
            enough = left <= RELIEVE * self.mips[host]
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
            if not count[host] or closed[host] or load[host] > EMPTIED * self.mips[host]:
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


# EVOLVE-BLOCK-END
