"""Drawing pictures (`evolve.picture`): as SVG, in a terminal, as files for papers, as rows of numbers."""
