"""Broadcast from one region to many, over several clouds (Wooders et al., Cloudcast, NSDI 2024)."""

from evaluators.cloudcast.evaluator import Cloudcast

__all__ = ["Cloudcast"]
