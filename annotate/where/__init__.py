"""Scope rules: which images a command is about."""
