"""Raise one of these when code changes the results of its stage: exactly that stage reruns."""

DEMO_VERSION = 1
FEATURE_VERSION = 1
TRAINING_VERSION = 2
EVALUATION_VERSION = 1
