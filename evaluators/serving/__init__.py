"""Serving language models: what engines do with requests, and the traces of those. Shared by the serving domains.

No domain of its own: `llm_routing` builds on it, and so can batching in one engine and pools of prefill and decode.
"""

from evaluators.serving.cache import BLOCK_TOKENS, CacheIndex, PrefixCache
from evaluators.serving.cost import (
    CHUNK_TOKENS,
    KV_BYTES_PER_TOKEN,
    LINK_BYTES_PER_S,
    MEASURED,
    ROOFLINES,
    CostModel,
    Measured,
    Roofline,
    prefill_alone_ns,
)
from evaluators.serving.engine import Engine
from evaluators.serving.job import Job, State
from evaluators.serving.planned import PlannedEngine
from evaluators.serving.pooled import PooledReplica, Role
from evaluators.serving.replica import IDLE, Replica
from evaluators.serving.shared import (
    FIRST_SHARE,
    LEAST_SHARE,
    MOST_SHARE,
    SharedReplica,
    decode_slowdown,
    prefill_slowdown,
)
from evaluators.serving.stretch import iterations_past, stretch_ns

__all__ = [
    "BLOCK_TOKENS",
    "CHUNK_TOKENS",
    "FIRST_SHARE",
    "IDLE",
    "KV_BYTES_PER_TOKEN",
    "LEAST_SHARE",
    "LINK_BYTES_PER_S",
    "MEASURED",
    "MOST_SHARE",
    "ROOFLINES",
    "CacheIndex",
    "CostModel",
    "Engine",
    "Job",
    "Measured",
    "PlannedEngine",
    "PooledReplica",
    "PrefixCache",
    "Replica",
    "Role",
    "Roofline",
    "SharedReplica",
    "State",
    "decode_slowdown",
    "iterations_past",
    "prefill_alone_ns",
    "prefill_slowdown",
    "stretch_ns",
]
