"""Send a request to the longest cached prefix, whatever waits there. A trap: all requests share their first block.

Source: what is left of cache-aware routing without its balance, as SGLang's router guards against (Zheng et al.,
"SGLang", NeurIPS 2024): the first replica that has the shared block gets everything.
"""


class Policy:
    def __init__(self, cluster):
        pass

    def route(self, obs):
        return int(obs.match_blocks.argmax())
