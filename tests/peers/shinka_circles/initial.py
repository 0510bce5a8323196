# EVOLVE-BLOCK-START
def radii(seed):
    return [0.1, 0.2]


# EVOLVE-BLOCK-END
