"""The demo: a drawn world, the small CLIP that knows its concepts, and the path run over both."""
