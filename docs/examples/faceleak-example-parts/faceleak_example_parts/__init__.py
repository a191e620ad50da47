"""A check, a reader, an embedder and a screen of one's own; docs/extending.md walks through them."""
