"""Find the genes."""

GENES = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
SPARE = 0


def genes() -> list[int]:
    """Return the genes."""
    return GENES
