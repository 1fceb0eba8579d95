"""What is measured of rankings: numbers at visit capacity with intervals, by group, over time."""
