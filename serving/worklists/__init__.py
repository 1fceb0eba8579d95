"""Making worklists, saying why a household is or is not listed, and estimating whom the lists miss."""
