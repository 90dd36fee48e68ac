"""`python -m api` is `laurel`."""

from api.cli import main

main(prog_name="laurel")
