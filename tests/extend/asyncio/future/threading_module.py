"""A module that cannot be forked once it has been imported."""

import threading
import time

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
