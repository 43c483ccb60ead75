"""`python -m pipeline`: the same as the command `novostroiki`."""

from pipeline.cli import app

app(prog_name="novostroiki")
