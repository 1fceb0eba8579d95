"""Faults: processes that are killed, disks that refuse, servers that restart. What was acknowledged is there."""
