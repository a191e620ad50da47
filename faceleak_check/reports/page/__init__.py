"""The report page: one HTML file for people who never opened a terminal, made from the evidence alone."""
