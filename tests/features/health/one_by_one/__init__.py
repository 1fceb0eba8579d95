"""The same rules asked village by village, over counts that are made by joining each month with every spell.

Slow and plain: what judges a province's villages at once has to say the same to the last verdict. The rules
themselves are those of `features.health`; whether they are right is shown by `test_rules.py` and the planted
faults.
"""
