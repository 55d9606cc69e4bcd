"""The local annotation server: its store, its HTTP side and its pages."""
