"""Indexes a folder of .tar.bz2 packages as `conda index` of conda-build 2 (the days of conda 4.3) does: repodata.json with md5 and size
out of each artifact's own info/index.json, its .bz2, and .index.json; all written in place, sorted and indented.

    python conda-index.py FOLDER
"""

import bz2
import hashlib
import json
import os
import sys
import tarfile

folder = sys.argv[1]
packages = {}
for fn in sorted(os.listdir(folder)):
    if fn.endswith(".tar.bz2"):
        path = os.path.join(folder, fn)
        with tarfile.open(path) as archive:
            record = json.loads(archive.extractfile("info/index.json").read().decode("utf-8"))
        with open(path, "rb") as artifact:
            content = artifact.read()
        record.update(md5=hashlib.md5(content).hexdigest(), size=len(content))
        packages[fn] = record

repodata = {"info": {}, "packages": packages}
for name, value in (("repodata.json", repodata), (".index.json", packages)):
    text = json.dumps(value, indent=2, sort_keys=True)
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
    if name == "repodata.json":
        with open(os.path.join(folder, name + ".bz2"), "wb") as file:
            file.write(bz2.compress(text.encode("utf-8")))
print(len(packages))
