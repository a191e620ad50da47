"""Where images and match lists come from."""
