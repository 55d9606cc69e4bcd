"""``python -m annotate`` is ``mumic-annotate``."""

from annotate.cli import main

main(prog_name="mumic-annotate")
