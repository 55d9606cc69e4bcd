"""What a trained run is for: predictions, labels nobody annotated, blended weights."""
