"""Face recognition networks, each a spec and a loader."""
