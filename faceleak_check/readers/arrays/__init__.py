"""Datasets in NumPy's own files: arrays of pictures, and arrays of templates."""
