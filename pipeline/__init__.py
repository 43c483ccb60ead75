"""Novostroiki: where the new settlements of Central Asian cities are, how they grow, and who lives there uncounted."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("novostroiki")
except PackageNotFoundError:  # a bare checkout on sys.path, not installed
    __version__ = "0+unknown"
