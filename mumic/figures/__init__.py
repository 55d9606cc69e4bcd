"""Figures as PNG, by matplotlib without a display; each can be drawn for light and dark pages."""
