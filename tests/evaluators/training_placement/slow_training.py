"""A second training run, on simpy, pass by pass and step by step, from the statement alone: slow and obvious."""

from __future__ import annotations

import itertools
from collections import defaultdict

import simpy

MOE, DENSE = "experts", "dense"


def is_moe(job, layer):
    return bool(job.experts) and (layer + 1) % job.moe_every == 0


def pieces(job, layer, ep, way):
    """Yield (piece, parameters) of a layer: its dense part, and each expert of one part of them."""
    dense = (4 if is_moe(job, layer) else 12) * job.hidden**2
    if layer == 0:
        dense += job.vocab * job.hidden
    if layer == job.layers - 1:
        dense += job.vocab * job.hidden
    yield (layer, DENSE), dense
    if is_moe(job, layer):
        for expert in range(way * job.experts // ep, (way + 1) * job.experts // ep):
            yield (layer, expert), 8 * job.hidden**2


def link_gbs(nodes, places):
    if len(set(places)) == 1:
        return nodes[places[0]].intra_gbs, "gpu"
    same = all((nodes[a].site, nodes[a].nic) == (nodes[places[0]].site, nodes[places[0]].nic) for a in places)
    if same and nodes[places[0]].nic != "Ethernet":
        return min(nodes[a].nic_gbs for a in places), "gpu"
    return 3.1, "node"


def a_gpu_gbs(nodes, places):
    rate, whose = link_gbs(nodes, places)
    return rate / 8 if whose == "node" else rate


def pipeline(forward, backward, links, count, ahead):
    """Run the passes of each stage in Megatron's order, on simpy."""
    env = simpy.Environment()
    p = len(forward)
    forth = [[env.event() for _ in range(count)] for _ in range(p)]
    back = [[env.event() for _ in range(count)] for _ in range(p)]
    in_flight = [0] * p

    def send(event, us):
        yield env.timeout(us)
        event.succeed()

    def stage(i):
        warm = min((p - 1 - i) * (1 + ahead), count)
        order = [("f", m) for m in range(warm)]
        for m in range(count - warm):
            order += [("f", warm + m), ("b", m)]
        order += [("b", m) for m in range(count - warm, count)]
        for kind, m in order:
            if kind == "f":
                if i:
                    yield forth[i][m]
                in_flight[i] += 1
                assert in_flight[i] <= 1 + (p - 1 - i) * (1 + ahead)
                yield env.timeout(forward[i])
                if i + 1 < p:
                    env.process(send(forth[i + 1][m], links[i]))
            else:
                if i + 1 < p:
                    yield back[i][m]
                yield env.timeout(backward[i])
                in_flight[i] -= 1
                if i:
                    env.process(send(back[i - 1][m], links[i - 1]))

    done = env.all_of([env.process(stage(i)) for i in range(p)])
    env.run(done)
    assert in_flight == [0] * p
    return env.now


def chunks_us(compute, exchange, chunks):
    """Move chunks over one link and through one device, on simpy; microseconds may be fractions."""
    env = simpy.Environment()
    sent = [env.event() for _ in range(chunks)]
    done = [env.event() for _ in range(chunks)]

    def link():
        for event in sent:
            yield env.timeout(50 + exchange / chunks)
            event.succeed()
        for event in done:
            yield event
            yield env.timeout(50 + exchange / chunks)

    def device():
        for there, event in zip(sent, done, strict=True):
            yield there
            yield env.timeout(20 + compute / chunks)
            event.succeed()

    env.process(device())
    env.run(env.process(link()))
    return env.now


def passes(case, plan, p, stage, speed):
    job, node = case.job, stage.gpus[0] // 8
    share = 0.5 * {1: 1, 2: 0.97, 4: 0.97**2, 8: 0.97**3}[plan.tp] * (0.85 if plan.microbatch == 1 else 1)
    flops_us = case.nodes[node].tflops * 1e6 * share * speed[node] * plan.tp
    mates = [plan.pipelines[q] for q in range(len(plan.pipelines)) if q // plan.ep == p // plan.ep]
    places = [s.gpus[0] // 8 for chain in mates for s in chain if s.first == stage.first]
    tokens = job.seq * plan.microbatch
    exchange = 2 * tokens * job.top_k * job.hidden / plan.tp * (1 - 1 / plan.ep) / (1e3 * a_gpu_gbs(case.nodes, places))
    ahead = behind = 0.0
    for layer in range(stage.first, stage.last + 1):
        moe = is_moe(job, layer)
        flops = (8 if moe else 24) * tokens * job.hidden**2 + 4 * tokens * job.seq * job.hidden
        if layer == job.layers - 1:
            flops += 2 * tokens * job.hidden * job.vocab
        once = flops / flops_us
        ahead += once
        behind += 2 * once
        if moe:
            of_experts = 16 * tokens * job.hidden**2 * job.top_k / flops_us
            if plan.ep == 1:
                ahead += of_experts
                behind += 2 * of_experts
            else:
                ahead += chunks_us(of_experts, exchange, plan.a2a_chunks[0])
                behind += chunks_us(2 * of_experts, exchange, plan.a2a_chunks[1])
    return round(ahead), round(behind + (ahead if plan.recompute else 0))


def sync(case, plan):
    job = case.job
    queue = defaultdict(float)
    for layer in range(job.layers):
        for part in (DENSE, *range(job.experts if is_moe(job, layer) else 0)):
            holders = []
            for p, chain in enumerate(plan.pipelines):
                if part == DENSE or part * plan.ep // job.experts == p % plan.ep:
                    holders += [s for s in chain if s.first <= layer <= s.last]
            count = dict(pieces(job, layer, 1, 0))[layer, part]
            for rank in range(plan.tp):
                gpus = [s.gpus[rank] for s in holders]
                size = 4 * count / plan.tp * (len(gpus) - 1) / len(gpus)
                rate, whose = link_gbs(case.nodes, [g // 8 for g in gpus])
                for owner in gpus if whose == "gpu" else {g // 8 for g in gpus}:
                    queue[whose, owner] += size / (1e3 * rate)
    return max(queue.values())


def step(case, plan, speed):
    ends, busy = [], 0
    for p, (chain, count) in enumerate(zip(plan.pipelines, plan.microbatches, strict=True)):
        both = [passes(case, plan, p, s, speed) for s in chain]
        links = []
        for a, b in itertools.pairwise(chain):
            rate = a_gpu_gbs(case.nodes, [a.gpus[0] // 8, b.gpus[0] // 8])
            links.append(round(2 * case.job.seq * plan.microbatch * case.job.hidden / plan.tp / (1e3 * rate)))
        ends.append(pipeline([f for f, _ in both], [b for _, b in both], links, count, plan.ahead))
        busy = max(busy, count * max(b for _, b in both))
    all_us = round(sync(case, plan))
    return max(ends) + max(all_us - round(0.7 * all_us), all_us - busy)


def contents(case, plan):
    """Return what each GPU holds: {gpu: {(piece, kind, tp, rank, split): bytes}}."""
    held = {}
    d = len(plan.pipelines)
    for p, chain in enumerate(plan.pipelines):
        for s in chain:
            for rank, gpu in enumerate(s.gpus):
                held[gpu] = mine = {}
                for layer in range(s.first, s.last + 1):
                    for piece, count in pieces(case.job, layer, plan.ep, p % plan.ep):
                        parts = (d if piece[1] == DENSE else d // plan.ep) if plan.zero else 1
                        split = (d, plan.ep, p) if plan.zero else None
                        mine[piece, "weights", plan.tp, rank, None] = 2 * count / plan.tp
                        mine[piece, "optimizer", plan.tp, rank, split] = 12 * count / plan.tp / parts
    return held


def lacks(mine, key):
    piece, kind, tp, rank, split = key
    if key in mine:
        return False
    whole = (piece, kind, tp, rank, None) in mine
    # A split of the optimizer is the same when as many pipelines share it in the same way, wherever the GPU is.
    alike = split is not None and any(
        k[:4] == key[:4] and k[4] is not None and k[4][:2] == split[:2] and k[4][2] % split[1] == split[2] % split[1]
        for k in mine
    )
    return not whole and not alike


def communicators(ran, held, plan):
    def beside(chains):
        found = {}
        for chain in chains:
            for k, group in enumerate(chain):
                found[group] = (chain[k - 1] if k else None, chain[k + 1] if k + 1 < len(chain) else None)
        return found

    old = beside([[s.gpus for s in chain if all(g in held for g in s.gpus)] for chain in ran.pipelines])
    new = beside([[s.gpus for s in chain] for chain in plan.pipelines])
    changed = [group for group in new if group not in old or old[group] != new[group]]
    if not changed:
        return 1_000_000
    return 4_000_000 if len(changed) * 2 <= len(new) else 82_000_000


def recovery(case, ran, held, plan, lost):
    """Return (us, whether state comes from a checkpoint). held: as `contents`, of live GPUs."""
    detect = 10_000_000 if lost else 0
    wanted = contents(case, plan)
    before = contents(case, ran)
    there = {key for mine in held.values() for key in mine}
    if any(key not in there for mine in before.values() for key in mine):
        load = defaultdict(float)
        for gpu, mine in wanted.items():
            load[gpu // 8] += sum(mine.values())
        return detect + 300_000_000 + round(max(load.values()) / 2e3), True
    if plan == ran and len(held) == len(before):
        return detect, False
    queue = defaultdict(float)
    for gpu, mine in wanted.items():
        for key, size in mine.items():
            if lacks(held.get(gpu, {}), key):
                layer = key[0][0]
                homes = {g // 8 for g, has in held.items() if any(k[0][0] == layer for k in has)}
                rates = [link_gbs(case.nodes, [gpu // 8, home]) for home in homes]
                best = max((rate for rate, whose in rates if whose == "gpu"), default=None)
                if best is None:
                    queue["node", gpu // 8] += size / (1e3 * 3.1)
                else:
                    queue["gpu", gpu] += size / (1e3 * best)
    return detect + communicators(ran, held, plan) + round(max(queue.values(), default=0.0)), False


def run(case, plans):
    """Train step by step on simpy. plans: one at the start, one per event. Returns the log.

    Log: ("step" | "undo" | "checkpoint", us, steps that count).
    """
    env = simpy.Environment()
    alive, speed = set(range(len(case.nodes))), [1.0] * len(case.nodes)
    log, state = [], {"steps": 0, "saved": 0, "ran": None, "held": {}, "lost": False}
    params = sum(count for layer in range(case.job.layers) for _, count in pieces(case.job, layer, 1, 0))

    def training(plan):
        try:
            if any(gpu // 8 not in alive for gpu in plan.gpus()):
                yield env.event()
            if state["ran"] is not None:
                us, reload = recovery(case, state["ran"], state["held"], plan, state["lost"])
                yield env.timeout(us)
                if reload:
                    state["steps"] = state["saved"]
                    log.append(("undo", env.now, state["steps"]))
            state.update(ran=plan, held=contents(case, plan), lost=False)
            us = step(case, plan, speed)
            write = round(14 * params / (2e3 * len({g // 8 for g in plan.gpus()})))
            while True:
                yield env.timeout(us)
                state["steps"] += 1
                log.append(("step", env.now, state["steps"]))
                if state["steps"] - state["saved"] >= plan.checkpoint_every:
                    yield env.timeout(write)
                    state["saved"] = state["steps"]
                    log.append(("checkpoint", env.now, state["steps"]))
        except simpy.Interrupt:
            pass

    def world():
        now = env.process(training(plans[0]))
        for event, plan in zip(case.events, plans[1:], strict=True):
            yield env.timeout(1_000_000 * event.at_s - env.now)
            yield env.timeout(0)  # what ends at this very moment has ended
            now.interrupt()
            alive.difference_update(event.lost)
            alive.update(event.returned)
            for node, factor in event.speed:
                speed[node] = factor
            gone = [gpu for gpu in state["held"] if gpu // 8 in event.lost]
            for gpu in gone:
                del state["held"][gpu]
            state["lost"] = state["lost"] or bool(gone)
            now = env.process(training(plan))
        yield env.timeout(1_000_000 * case.horizon_s - env.now)
        yield env.timeout(0)

    env.run(env.process(world()))
    return log, state["steps"]
