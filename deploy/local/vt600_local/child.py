"""`python -I -S child.py SIGNAL PARENT UID GID COMMAND…` becomes the command, as that user, and ends with its parent.

The kernel sends the signal when the parent dies in whatever way, kill -9 included, so nothing is left running.
The user is changed first: the kernel forgets the wish when credentials change. 0 as SIGNAL wishes nothing, -1 as UID keeps the user.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Prepare this process, then be replaced by the command."""
    number, parent, uid, gid = (int(argument) for argument in sys.argv[1:5])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if number:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            sys.exit("the parent is gone already")
    os.execvp(sys.argv[5], sys.argv[5:])  # noqa: S606 - the command is ours


if __name__ == "__main__":
    main()
