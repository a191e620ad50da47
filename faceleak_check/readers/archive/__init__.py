"""Datasets in zip and tar archives, read where they lie; nothing is unpacked to the disk."""
