"""Datasets whose images lie in a few large files: what their readers share."""
