"""``mumic baseline``: what a run is compared with."""
