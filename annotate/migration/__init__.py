"""``taxonomy migrate``: carries answers, questions, labels and datasets to a changed taxonomy.

Answers are never rewritten. :mod:`annotate.migration.carry` translates them whenever they are read,
by the steps that :mod:`annotate.migration.record` keeps.
"""
