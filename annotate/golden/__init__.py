"""The golden set: images that experts label, and what they say about labels and thresholds."""
