"""The evidence: JSON, and views of it."""
