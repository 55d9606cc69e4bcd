"""The CLIP models: loading, and embedding images and texts."""
