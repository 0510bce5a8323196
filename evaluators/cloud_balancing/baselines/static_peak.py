"""Leave every VM where it is: placed by the most that it may ask, no host is ever overloaded.

Source: the static allocation that Beloglazov and Buyya 2012 compare with; hosts that hold no VM are off here.
"""


class Policy:
    def __init__(self, info):
        pass

    def rebalance(self, obs):
        return []
