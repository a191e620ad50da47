"""Looking at leaks one after the other in a terminal, and writing down which of them are waived."""
