"""``mine``: candidates for annotation, each with a receipt of how it was drawn."""
