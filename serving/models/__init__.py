"""The model in service: admitted into a store, put into service by the release log, loaded beside the last.

A bundle from outside is copied within bounds, its hashes and signature are checked, and a child process under
limits loads and proves it; only then does the store have it. What is in service is the last entry of the
release log; every process follows it. Nothing is imported here: the child processes begin with this package,
and put limits on themselves before anything else.
"""
