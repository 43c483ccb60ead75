"""The errors that a user may meet; each carries one sentence that says what, where and what to do."""


class NovostroikiError(Exception):
    """Base of every expected failure; the command line prints its message and exits with `exit_code`."""

    exit_code = 1


class InputError(NovostroikiError):
    """A file, config, layer or option is unusable as it was given (exit code 2)."""

    exit_code = 2


class ConfigError(InputError):
    """The configuration or a layer file does not say what it must."""


class SourceError(NovostroikiError):
    """A remote source refused, vanished, or answered only in part (exit code 1; nothing is published)."""


class RunError(NovostroikiError):
    """The run could not finish (exit code 1; nothing is published)."""


class NothingFoundError(RunError):
    """No input shows a building in an area; of several areas, the others are published without it."""
