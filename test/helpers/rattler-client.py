"""Solves, and with a prefix installs, out of one channel with py-rattler, for test/oracle/py-rattler.test.ts.

Reads one JSON object from stdin: channel (a URL), specs, subdir, virtual ([name, version] pairs), pip (whether python brings it, as conda
has it), and, to install, prefix and cache (folders). Writes the solved packages as a JSON list of `subdir/file name`.
"""

import asyncio
import json
import os
import sys

from rattler import BuildString, GenericVirtualPackage, PackageName, Version, install, solve


async def main():
    asked = json.load(sys.stdin)
    virtual = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString("0")) for name, version in asked["virtual"]
    ]
    records = await solve(
        [asked["channel"]],
        asked["specs"],
        platforms=[asked["subdir"], "noarch"],
        virtual_packages=virtual,
        add_pip_as_python_dependency=asked["pip"],
    )
    if "prefix" in asked:
        await install(records, target_prefix=asked["prefix"], cache_dir=asked["cache"], show_progress=False)
    return sorted("%s/%s" % (record.subdir, record.file_name) for record in records)


answer = asyncio.run(main())
print(json.dumps(answer), flush=True)
# Leaves without the interpreter's clean-up: threads of py-rattler 0.28 that come back in it end the process with a fatal error, now and then.
os._exit(0)
