"""Raise one of these when code changes the results of its stage: exactly that stage reruns."""

DEMO_VERSION = 1
FEATURE_VERSION = 3
TRAINING_VERSION = 3
EVALUATION_VERSION = 3
