class Policy:
    def __init__(self, jobs):
        self.jobs = jobs
        self.done = 0

    # EVOLVE-BLOCK-START
    def decide(self, queue):
        self.done += 1
        return 0

    # EVOLVE-BLOCK-END
