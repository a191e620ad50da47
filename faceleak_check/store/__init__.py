"""Templates, the values of screens and notes on disk: private, immutable, shared by runs."""
