from bench.method import Method


class NoMitigation(Method):
    """No mitigation: the plain self-consuming loop, which every method is compared with."""
