"""What the spot domains share: availability traces and their model, what a run is asked for and shown, its score.

No domain of its own. Each domain keeps its own books: what a region is, what a move costs and what is paid differ.
"""
