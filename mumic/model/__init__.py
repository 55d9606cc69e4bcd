"""CLIP as it is trained: two towers, the label texts, the temperature."""
