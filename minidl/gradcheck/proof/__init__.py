"""The proof: slopes of ever smaller differences, with a bound of their error."""
