"""Labelling jobs at Ground Truth: request, checks, launch, answers."""
