"""Which generated files to remove for a policy to pass, and the proof that it then does."""
