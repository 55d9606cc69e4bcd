"""The label list: its classes and hierarchy, and the YAML file that people edit.

``load.load_taxonomy`` reads the file and names every problem with its line; ``model.Taxonomy`` is
what all later stages work with.
"""
