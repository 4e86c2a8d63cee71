"""The same examples in every run, and no clock: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")
