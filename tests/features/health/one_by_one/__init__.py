"""Feed health as it was first written: village by village, each month joined with every spell.

Slow and plain; what judges a province's villages at once has to say the same to the last verdict.
"""
