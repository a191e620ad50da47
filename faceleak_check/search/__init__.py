"""Nearest source images by cosine or Euclidean distance."""
