"""The rules of a policy, one module each, and the statistics under them. Records and NumPy alone."""
