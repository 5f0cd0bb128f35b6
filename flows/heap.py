"""The garbage collector of a process that lives long: what was loaded at its start is not looked through again."""

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 10, 20  # objects, then rounds: by default 700, 10, 10


def settle() -> None:
    """Set aside everything there is now, and look for garbage less often; once, when a process has started.

    Each essay makes thousands of small objects, nearly all of which go when the last name of them does. By default
    the collector looks every 700 of them, again and again through all that Prefect has loaded.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
