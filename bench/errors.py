"""The errors that a user can cause or must act on; everything else is a bug and keeps its traceback."""


class BadInput(Exception):
    """What the user gave cannot be used. One line: the file, key, value, and what is allowed. Exit status 2."""


class RunFailed(Exception):
    """A run could not go on (a loss that is not finite, for example). Finished work is kept. Exit status 1."""


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error message, to be quoted in a message of ours."""
    return str(error).strip().partition("\n")[0].rstrip(" .:")
