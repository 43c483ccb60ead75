"""Novostroiki: where the new settlements of Central Asian cities are, how they grow, and who lives there uncounted."""

__version__: str


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: the command must be ready for Ctrl-C at once."""
    if name != "__version__":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("novostroiki")
    except PackageNotFoundError:  # a bare checkout on sys.path, not installed
        return "0+unknown"
