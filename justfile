# What one does here day by day; `just` lists it. Each line is also a plain command: just only saves typing.

bin := if os_family() == "windows" { ".venv/Scripts" } else { ".venv/bin" }

_list:
    @just --list --unsorted

# A virtual environment with all that development needs
setup:
    python3 -m venv .venv
    PIP_CONSTRAINT=constraints.txt {{bin}}/pip install -e '.[test]'

# The suite, or a part of it: just test tests/transform -x
test *arguments:
    {{bin}}/pytest {{arguments}}

# What CI refuses: style, format, types
lint:
    {{bin}}/ruff check
    {{bin}}/ruff format --check
    {{bin}}/mypy

# Benchmarks, each with what was asked for and what was measured
bench *arguments:
    {{bin}}/pytest tests/benchmarks -q {{arguments}}

# The pages of docs/ that are made: architecture, red zones, tables
docs:
    {{bin}}/python -m pipeline.commands.doc_pages docs

# The pictures of docs/, from a finished run
screenshots out="out":
    {{bin}}/python -m tests.browser.screenshots {{out}} docs/images --docs

# What changed between two folders of outputs
compare old new *options:
    {{bin}}/python -m tests.compare {{old}} {{new}} {{options}}

# The core of the suite with the oldest dependencies that pyproject.toml allows (needs uv)
lowest:
    uv venv --quiet --clear .venv-lowest
    uv pip install --quiet --python .venv-lowest --resolution lowest-direct -e '.[test]'
    .venv-lowest/bin/python -m pytest -q tests/geometry tests/transform tests/extract tests/load tests/test_cli.py
