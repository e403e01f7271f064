"""Asks py-rattler which packages satisfy entries of `depends`, for test/oracle/questions.test.ts.

Reads one JSON list from stdin: of each entry its text and candidates ([name, version, build, build number]). Writes for each the numbers of the
candidates that it takes.
"""

import json
import os
import sys

from rattler import BuildString, MatchSpec, PackageName, PackageRecord


def record(name, version, build, number):
    return PackageRecord(PackageName(name), version, BuildString(build), number, "linux-64")


answer = []
for entry in json.load(sys.stdin):
    spec = MatchSpec(entry["constraint"])
    answer.append([at for at, each in enumerate(entry["candidates"]) if spec.matches(record(*each))])
print(json.dumps(answer), flush=True)
os._exit(0)
