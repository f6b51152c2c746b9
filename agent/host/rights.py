"""Whether this process may act for the whole computer: root, or an administrator of Windows with raised rights."""

import ctypes
import os
import sys


def is_administrator() -> bool:
    """Tell whether it may; Windows' answer (IsUserAnAdmin, which knows SYSTEM too) has never been seen by us."""
    if sys.platform == "win32":
        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0
