"""``python -m mumic`` is ``mumic``; under torchrun it is how training starts."""

from mumic.cli import main

main(prog_name="mumic")
