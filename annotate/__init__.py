"""From photos and a label list to a labelled dataset: the package behind ``mumic-annotate``."""
