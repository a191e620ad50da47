"""Finds faces in pictures and cuts upright chips."""
