"""Who runs the embedding: this process (others later)."""
