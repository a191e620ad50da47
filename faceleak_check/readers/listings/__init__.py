"""What earlier runs found in a dataset, trusted only where nothing can have changed."""
