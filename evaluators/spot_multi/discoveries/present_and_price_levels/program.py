"""Stay in the first region: spot when it has some, wait when not, on demand when no time is left to wait."""

from math import ceil, floor

# EVOLVE-BLOCK-START
import numpy as np

GAP_ENDS_H = (0.5, 2.5)  # ages at which a gap goes into its next phase
GAPS = 3
SOONER = np.array((1.5, 0.6, 0.2))  # prior: how many times sooner spot returns, by the phase of the gap
LEVELS = 4  # of the price of the cheapest spot there is
CELLS = 80  # of spare time in the plan
STEP_H, MAX_STEPS = 0.25, 220
REPLAN_H = 1.0
SHARE_H = 3.0  # weight, in hours, of the prior share of spot of a region
LASTS_H, BACK_H = 4.0, 2.0  # prior: how long one region has spot, and how soon it returns
CHANGE_H = 4.0  # prior: how soon another price is the cheapest
WEIGHT_H = 3.0  # weight of these priors
AGES_H = np.array([0.0, 0.5, 2.0, 6.0])  # bins of the age of a region's spot
LOSS = np.array([0.8, 0.35, 0.2, 0.12])  # prior: losses an hour in these bins
LOSS_H, LOSSES = 4.0, 2.0  # weights of that prior, and of a region being like the others
LOOK_H = 2.0  # how far ahead a region's own hazard is looked at
PRESENT_LASTS_H, AHEAD_H = 4.0, 12.0  # how long the present lasts, and how far ahead it is planned with
PRESENT_H = 0.2  # how soon the present is planned anew when spot has come or gone
NOW = 0.7  # weight of the present price of a region for staying in it
NEVER = 1e9


class Policy:
    def __init__(self, info):
        n = self.regions = info.regions
        self.price_h = np.zeros(n)  # integral of the prices
        self.seen_h = np.zeros(n)
        self.cheapest, self.gaps_h = [], []
        self.gap_h = 100.0  # a gap at the start is probably a long one
        self.planned_at_h, self.present_at_h, self.present, self.present_for = None, None, {}, None
        self.was = None
        self.spot_h = np.zeros(n)  # age of every region's spot
        self.exposed = np.zeros((n, len(AGES_H)))
        self.losses = np.zeros((n, len(AGES_H)))

    def observe(self, obs):
        now = np.array(obs.spot_available, dtype=bool)
        prices = np.array(obs.spot_usd_per_h, dtype=float)
        tick_h, each = obs.tick_s / 3600, np.arange(self.regions)
        if self.was is None:
            self.spot_h = np.where(now, 2.0, 0.0)
        else:
            bins = np.searchsorted(AGES_H, self.spot_h, side="right") - 1
            self.exposed[each, bins] += self.was * tick_h
            self.losses[each, bins] += self.was & ~now
            self.spot_h = np.where(now, np.where(self.was, self.spot_h + tick_h, 0.0), 0.0)
        self.was = now
        self.gap_h = 0.0 if now.any() else self.gap_h + tick_h
        self.price_h += prices * tick_h
        self.seen_h += now * tick_h
        self.cheapest.append(float(prices[now].min()) if now.any() else np.nan)
        self.gaps_h.append(self.gap_h)

    def hazards(self):
        """Return the losses an hour to expect soon: for every region, given its age; and for new spot."""
        pooled = (self.losses.sum(axis=0) + LOSS * LOSS_H) / (self.exposed.sum(axis=0) + LOSS_H)
        like = (self.losses.sum(axis=1) + LOSSES) / (self.exposed @ pooled + LOSSES)
        ahead = np.linspace(0.0, LOOK_H, 21)[None, :]

        def mean(ages):
            return pooled[np.searchsorted(AGES_H, ages[:, None] + ahead, side="right") - 1].mean(axis=1)

        return like * mean(self.spot_h), float(mean(np.array([0.5]))[0])

    def make_levels(self, prices, mean_prices, share, tick_h):
        """Cut the prices of the cheapest spot into levels; return what each costs and its prior chance."""
        likely = NOW * prices + (1 - NOW) * mean_prices
        order = np.argsort(likely)
        chance, rest = np.zeros(self.regions), 1.0
        for region in order:
            chance[region] = rest * share[region]
            rest *= 1 - share[region]
        chance /= chance.sum()
        past = np.array(self.cheapest)
        past = past[np.isfinite(past)]
        usd = np.concatenate((past, likely))
        weight = np.concatenate((np.full(len(past), tick_h), chance * WEIGHT_H))
        order = np.argsort(usd)
        total = np.cumsum(weight[order])
        cuts = [usd[order][np.searchsorted(total, total[-1] * q / LEVELS)] for q in range(1, LEVELS)]
        self.cuts = np.unique(np.array(cuts))
        levels = np.searchsorted(self.cuts, usd, side="right")
        count = len(self.cuts) + 1
        mass = np.bincount(levels, weight, count)
        if (mass <= 0).any():  # a level that nothing is in: take the cut below it away
            self.cuts = self.cuts[mass[1:] > 0] if mass[0] > 0 else self.cuts[1:]
            levels = np.searchsorted(self.cuts, usd, side="right")
            count = len(self.cuts) + 1
            mass = np.bincount(levels, weight, count)
        usd_of = np.bincount(levels, weight * usd, count) / np.maximum(mass, 1e-9)
        return usd_of, np.bincount(levels[len(past) :], chance, count)

    def state_of(self, cheapest, gap_h):
        if np.isnan(cheapest):
            return int(np.searchsorted(GAP_ENDS_H, gap_h))
        return GAPS + int(np.searchsorted(self.cuts, cheapest, side="right"))

    def plan(self, obs, time_left_h, spare_h, start_h):
        """Solve the model backwards from the deadline; keep the expected cost to go after every step."""
        n, on_demand, tick_h = self.regions, float(obs.on_demand_usd_per_h), obs.tick_s / 3600
        hours = len(self.cheapest) * tick_h
        prices = np.array(obs.spot_usd_per_h, dtype=float)
        mean_prices = self.price_h / hours
        share = (self.seen_h + 0.5 * SHARE_H) / (hours + SHARE_H)
        level_usd, chance = self.make_levels(prices, mean_prices, share, tick_h)
        levels = len(level_usd)
        size = GAPS + levels

        past = np.array(self.cheapest)
        gap = np.searchsorted(GAP_ENDS_H, np.array(self.gaps_h))
        states = np.where(np.isnan(past), gap, GAPS + np.searchsorted(self.cuts, past, side="right"))
        counts = np.zeros((size, size))
        np.add.at(counts, (states[:-1], states[1:]), 1.0)
        spent_h = np.bincount(states, minlength=size) * tick_h
        prior = np.zeros((size, size))
        prior[0, 1], prior[1, 2] = 1 / GAP_ENDS_H[0], 1 / GAP_ENDS_H[1]
        prior[:GAPS, GAPS:] = (n**0.5 / BACK_H) * SOONER[:, None] * chance
        prior[GAPS:, GAPS:] = chance / CHANGE_H
        prior[GAPS:, 0] = 1 / (LASTS_H * n**0.7)
        rates = (counts + prior * WEIGHT_H) / (spent_h + WEIGHT_H)[:, None]
        step = max(STEP_H, time_left_h / MAX_STEPS)

        def chances_of(rates):
            rates = rates.copy()
            np.fill_diagonal(rates, 0.0)
            np.fill_diagonal(rates, -rates.sum(axis=1))
            chances = np.maximum(np.linalg.matrix_power(np.eye(size) + rates * (step / 64), 64), 0.0)
            return chances / chances.sum(axis=1, keepdims=True)

        chances = chances_of(rates)
        # A machine to come at every level of price.
        new_hazard = self.hazards()[1]
        all_gone = float((rates[GAPS:, 0] * (spent_h[GAPS:] + WEIGHT_H)).sum() / (spent_h[GAPS:] + WEIGHT_H).sum())
        mine = rates.copy()
        mine[GAPS:, 0] *= min(1.0, new_hazard / all_gone)
        own = chances_of(mine)
        lost = 1 - np.exp(-step * max(0.0, new_hazard - all_gone))
        on = (np.arange(size) >= GAPS)[:, None]
        usd = np.where(on, level_usd[:, None, None] * step, NEVER)

        steps = int(ceil(time_left_h / step)) + 1
        # Spare time has a grid of its own: with little of it, a start must be many cells.
        cell = min(step, max(spare_h / CELLS, start_h / 4, 0.01))
        cell = step / ceil(step / cell)  # waiting leads from cell to cell: nothing leaks into "done"
        self.cell = cell
        spares = np.arange(0.0, max(spare_h, 0.0) + 2 * step, cell)

        def after_loss(loss_h):
            target = np.maximum(spares - loss_h, 0.0) / cell
            low = np.minimum(target.astype(int), len(spares) - 1)
            high = np.minimum(low + 1, len(spares) - 1)
            part = target - low
            return lambda values: values[..., low] * (1 - part) + values[..., high] * part

        after_start, after_wait = after_loss(start_h), after_loss(step)
        offers = np.arange(levels)
        idle = dear = np.zeros((size, len(spares)))
        machine = np.zeros((levels, size, len(spares)))
        tables = [(idle, dear, machine, np.full((levels, len(spares)), NEVER))]
        for k in range(1, steps + 1):
            after_idle, after_dear = chances @ idle, chances @ dear
            after = own @ np.where(on, machine + lost * (idle - machine), idle)
            fresh = np.minimum(after_wait(after_idle), on_demand * step + after_start(after_dear))
            # New spot, at the level of the cheapest that there is.
            taken = after_start(after[offers, GAPS + offers]) + level_usd[:, None] * step
            fresh[GAPS:] = np.minimum(fresh[GAPS:], taken)
            t = k * step
            done = t - spares - start_h <= 0
            dear = np.minimum(fresh, on_demand * step + after_dear)
            machine = np.minimum(fresh, usd + after)
            idle = fresh
            for values in (idle, dear, machine):
                values[..., 0] = on_demand * t  # the guard: on demand to the end
                values[..., done] = 0.0
            tables.append((idle, dear, machine, taken))
        self.step, self.spares, self.tables = step, spares, tables
        self.after_start, self.after_wait = after_start, after_wait
        self.rates, self.chances, self.chances_of, self.start_h = rates, chances, chances_of, start_h

    def plan_present(self, obs, k_now):
        """Plan the next hours with the regions as they are, a present that gives way to the model at any time."""
        n, step, spares, rates, chances = self.regions, self.step, self.spares, self.rates, self.chances
        on_demand, now = float(obs.on_demand_usd_per_h), self.was
        prices = np.array(obs.spot_usd_per_h, dtype=float)
        size, levels = len(rates), len(rates) - GAPS
        level = np.searchsorted(self.cuts, prices, side="right")
        hazards = self.hazards()[0]
        own, lost, on = [], [], []
        for region in range(n):
            # It is on while the cheapest is no dearer than it; what ends that is its loss.
            mine, p_lost = rates.copy(), np.zeros(size)
            ends = [0] + list(range(GAPS + level[region] + 1, size))
            for state in range(GAPS, GAPS + level[region] + 1):
                rate = mine[state, ends].sum()
                mine[state, ends] *= min(1.0, hazards[region] / rate)
                p_lost[state] = 1 - np.exp(-step * max(0.0, hazards[region] - rate))
            own.append(self.chances_of(mine))
            lost.append(p_lost)
            on.append((np.arange(size) >= GAPS) & (np.arange(size) <= GAPS + level[region]))
        own, lost, on = np.array(own), np.array(lost)[:, :, None], np.array(on)[:, :, None]
        usd = np.where(on, prices[:, None, None] * step, NEVER)
        offered = np.flatnonzero(now)
        cheapest = level[offered].min() if len(offered) else -1
        others = [i for i in range(levels) if i != cheapest]  # levels that are not of the present
        flip = 1 - np.exp(-step / PRESENT_LASTS_H)

        k = max(0, k_now - int(ceil(AHEAD_H / step)))
        idle, dear, machine, _ = self.tables[k]
        machine = machine[level]
        self.present = {}
        while k < k_now:
            model_idle, model_dear, model_machine, _ = self.tables[k]
            idle_next = idle + flip * (model_idle - idle)
            staying = machine + flip * (model_machine[level] - machine)
            after_idle, after_dear = chances @ idle_next, chances @ (dear + flip * (model_dear - dear))
            after = own @ np.where(on, staying + lost * (model_idle - staying), idle_next)
            k += 1
            self.present[k] = (after_idle, after_dear, after)
            fresh = np.minimum(self.after_wait(after_idle), on_demand * step + self.after_start(after_dear))
            if len(offered):
                fresh = np.minimum(fresh, usd[offered[0]] + self.after_start(after[offered[0]]))
                for region in offered[1:]:
                    fresh = np.minimum(fresh, usd[region] + self.after_start(after[region]))
            for i in others:
                fresh[GAPS + i] = np.minimum(fresh[GAPS + i], self.tables[k][3][i])
            t = k * step
            done = t - spares - self.start_h <= 0
            idle = fresh
            dear = np.minimum(fresh, on_demand * step + after_dear)
            machine = np.minimum(fresh, usd + after)
            for values in (idle, dear, machine):
                values[..., 0] = on_demand * t
                values[..., done] = 0.0

    def decide(self, obs):
        """Return (action, region) for the tick that begins."""
        self.observe(obs)
        here = int(obs.region)
        left_s = obs.task_s - obs.done_s
        time_left_s = obs.deadline_s - obs.elapsed_s
        spare_s = (floor(time_left_s / obs.tick_s) - ceil((left_s + obs.overhead_s) / obs.tick_s)) * obs.tick_s
        if spare_s <= 0 or left_s <= 0:
            return "ON_DEMAND", here
        now_h, time_left_h, spare_h = obs.elapsed_s / 3600, time_left_s / 3600, spare_s / 3600
        start_h = obs.overhead_s / 3600
        if self.planned_at_h is None or now_h - self.planned_at_h >= REPLAN_H:
            self.plan(obs, time_left_h, spare_h, start_h)
            self.planned_at_h = now_h
            self.present_at_h = None
        step = self.step
        # Rounding must not make the rest of the work vanish: waiting would look free.
        steps = max(int(round(time_left_h / step)), floor((spare_h + start_h + self.cell) / step) + 1)
        k = min(len(self.tables) - 1, steps)
        late = self.present_at_h is None or k not in self.present
        if late or (now_h - self.present_at_h >= PRESENT_H and (self.was != self.present_for).any()):
            self.plan_present(obs, k)
            self.present_at_h, self.present_for = now_h, self.was
        after_idle, after_dear, after = self.present[k]
        state = self.state_of(self.cheapest[-1], self.gap_h)

        def cost(table, usd_per_h, goes_on):
            spare = spare_h - (obs.overhead_left_s / 3600 if goes_on else start_h)
            return usd_per_h * step + float(np.interp(max(0.0, spare), self.spares, table[state]))

        on_spot = obs.running == "SPOT" and bool(self.was[here])
        on_demand = float(obs.on_demand_usd_per_h)
        fits = spare_s > obs.overhead_s + obs.tick_s
        wait = float(np.interp(max(0.0, spare_h - step), self.spares, after_idle[state]))
        choices = [
            (wait, 2, "NONE", here),
            (cost(after_dear, on_demand, obs.running == "ON_DEMAND"), 3, "ON_DEMAND", here),
        ]
        for region in range(self.regions):
            goes_on = on_spot and region == here
            if self.was[region] and (goes_on or fits):
                usd = cost(after[region], float(obs.spot_usd_per_h[region]), goes_on)
                choices.append((usd - 1e-9, 0 if goes_on else 1, "SPOT", region))
        _, _, action, region = min(choices)
        if action == "NONE" and not fits and spare_s <= 2 * obs.tick_s:
            return "ON_DEMAND", here
        return action, region


# EVOLVE-BLOCK-END
