"""Results of past jobs, of Ground Truth and Mechanical Turk: read, and made answers of today."""
