from bench import Control


class NoMitigation(Control):
    """No mitigation: the plain self-consuming loop, which every method is compared with."""
