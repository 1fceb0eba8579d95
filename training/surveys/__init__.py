"""Adapters from real household panels to the signal contracts: the same pipeline on real households."""
