"""Where the files of a dataset lie, on this machine or elsewhere; they are read by position, and nothing is copied."""
