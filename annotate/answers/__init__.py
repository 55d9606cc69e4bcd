"""Answers: read from files, packed, simulated."""
