"""What a config asks for: which cells there are, where they lie, what they depend on. Imports no torch."""
