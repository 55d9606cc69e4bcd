"""Measures of a multi-label classifier and their intervals, on arrays alone."""
