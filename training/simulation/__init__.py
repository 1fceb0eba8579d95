"""A simulated county: invented households with a mechanism, late and dirty feeds, and a hidden truth."""

from training.simulation.county import County, simulate_county
from training.simulation.settings import CountySettings

__all__ = ["County", "CountySettings", "simulate_county"]
