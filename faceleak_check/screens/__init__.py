"""Screens say which pictures do not belong into the comparison: children, pictures without a face, your own."""
