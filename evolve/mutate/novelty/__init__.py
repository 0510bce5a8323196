"""Which programs are the same, which are alike, and how like is too like."""
