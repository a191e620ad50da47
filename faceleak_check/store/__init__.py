"""Templates on disk: private, immutable, shared by runs."""
