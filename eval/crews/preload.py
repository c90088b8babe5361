"""What is imported before anybody is forked.

The garbage collector finds nothing while modules are imported, and takes a fifth of their time.
What it is told to leave alone afterwards stays shared: it writes into every object it looks at.

Whoever waits for this process's end would wait half a second for modules to be taken down, of which
nothing stays behind in any case.
"""

import atexit
import gc
import os
from importlib import import_module

gc.disable()
import_module("eval.crews.worker")
gc.freeze()
gc.enable()
atexit.register(os._exit, 0)
