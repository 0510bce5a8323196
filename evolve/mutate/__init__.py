"""From parent to child source: the built-in mutator, the model client, prompts and the reading of answers."""
