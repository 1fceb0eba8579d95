"""Copies of everything that the service keeps: made while it runs, checked, and put back."""
