"""What lives as long as the process, set aside from the collector of cycles.

A full collection looks at every object that is not set aside: some million of the libraries' and the model's,
which takes a fifth of a second in which no thread of the process does anything.
"""

from __future__ import annotations

import atexit
import gc


def set_aside() -> None:
    """Collect once, what was set aside before as well, and look at nothing again that is left then."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # At the end of the process libraries ask what is left, and would tell of leaks.
    atexit.unregister(gc.unfreeze)
    atexit.register(gc.unfreeze)
