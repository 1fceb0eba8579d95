"""What Prometheus reads of the service: counts and times of requests, and the state of what it stands on.

Labels are route templates, methods, classes of status, codes and names of feeds: sets that the code bounds.
"""
