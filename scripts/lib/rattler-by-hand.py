"""The seed's flow by hand with py-rattler, without installing: solve, fetch, index. For `npm run bench -- job`.

Arguments: folder to fill, channel URLs joined by blanks, MatchSpecs.
"""

import asyncio
import os
import sys
from pathlib import Path

from rattler import Client, VirtualPackage, solve
from rattler.index import index_fs
from rattler.package_streaming import download_to_path


async def main():
    target, channels, specs = Path(sys.argv[1]), sys.argv[2].split(" "), sys.argv[3:]
    records = await solve(
        channels,
        specs,
        platforms=["linux-64", "noarch"],
        virtual_packages=[each.into_generic() for each in VirtualPackage.detect()],
        add_pip_as_python_dependency=True,
    )
    client = Client.default_client()

    async def fetch(record):
        path = target / record.subdir / record.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            await download_to_path(client, record.url, path)

    await asyncio.gather(*(fetch(record) for record in records))
    await index_fs(target)


asyncio.run(main())
# Leaves without the interpreter's clean-up, see test/helpers/rattler-client.py.
os._exit(0)
