"""Stage 2: features and labels to trained heads and their predictions."""
