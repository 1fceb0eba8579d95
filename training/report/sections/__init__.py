"""Sections of a run's page: each module turns a part of the run's JSON into tables and charts.

A builder takes the whole JSON and gives the parts of its section; none where the JSON has nothing for it.
"""
