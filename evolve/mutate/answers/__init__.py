"""From what a model wrote to a child, its idea in its own words, or an insight."""
