"""Language models improve scheduling and load-balancing algorithms, judged by verifiers they cannot touch."""

__version__ = "0.1.0"
