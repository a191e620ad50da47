"""Datasets in Parquet files, as Hugging Face releases them."""
