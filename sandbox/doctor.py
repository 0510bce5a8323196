"""What isolation this host gives."""

from __future__ import annotations

from sandbox.failures import SandboxLost
from sandbox.zygote import LAYERS, Layer, Sandbox


def layers() -> list[Layer]:
    """Boot a zygote and return every layer of isolation, active or missing, as it found them."""
    try:
        with Sandbox() as sandbox:
            return list(sandbox.layers)
    except SandboxLost as lost:
        return [Layer(name, False, str(lost), "the sandbox does not start on this host") for name in LAYERS]
