"""From a labelled dataset to a trained, measured classifier: the package behind ``mumic``."""
