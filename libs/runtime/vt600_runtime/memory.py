"""What the garbage collector looks at."""

import gc


def spare_what_is_loaded() -> None:
    """Leave everything that is there now out of every collection: it lives as long as the process.

    Modules make most of a process's objects; to look through those of the API again and again halts all requests for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
