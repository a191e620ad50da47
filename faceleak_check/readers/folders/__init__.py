"""Folders of image files, on this machine and elsewhere."""
