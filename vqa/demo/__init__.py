"""A synthetic dataset with a known truth: rendered scenes, graded distortions, simulated raters."""
