"""The programs of this machine that the local stack needs: Java and Maven."""

import os
import re
import shutil
import subprocess
from functools import cache

from vt600_local.server import StackError

_OLDEST_JAVA = 17


@cache
def java() -> str:
    """The path of a Java that can run the broker: that of JAVA_HOME, else the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise StackError(f"there is no Java {where}: install version {_OLDEST_JAVA} or newer, Kafka runs on it")
    done = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if version is None or int(version[1]) < _OLDEST_JAVA:
        said = f"version {version[1]}" if version else "of unknown version"
        raise StackError(f"{found} is {said}, Kafka needs {_OLDEST_JAVA} or newer: install one and set JAVA_HOME to it")
    return found


def maven() -> str:
    """The path of Maven."""
    found = shutil.which("mvn")
    if found is None:
        raise StackError("there is no Maven (mvn) on the PATH: install it, it brings Kafka's jars")
    return found
