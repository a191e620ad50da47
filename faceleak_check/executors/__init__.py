"""Who runs the embedding: this process, or the workers of a Ray cluster."""
