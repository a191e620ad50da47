"""Datasets in LMDB environments, read page by page; the C library is not used, since a damaged file makes it crash."""
