"""Answers what another program thinks of conda versions and MatchSpecs, for scripts/lib/conda-oracle.ts.

Runs under Python 3.6 with conda 4.3 and under newer ones with py-rattler; takes whichever it can import. Reads one JSON object from
stdin, each member a list of questions, and writes the same members with the answers; null where the program refuses the input.

    order  [a, b]                      -1, 0, 1
    match  [constraint, version]       true, false
    spec   [text, {name, version, build, build_number, subdir}]  as typed on a command line: true, false
"""

from __future__ import print_function

import json
import sys


def conda43():
    from conda.cli.common import arg2spec
    from conda.resolve import MatchSpec
    from conda.version import VersionOrder, VersionSpec, version_cache

    def order(a, b):
        a, b = VersionOrder(a), VersionOrder(b)
        return -1 if a < b else (0 if a == b else 1)

    def match(constraint, version):
        VersionOrder(version)
        return VersionSpec(constraint).match(version)

    def spec(text, record):
        wanted = MatchSpec(arg2spec(text))
        return wanted.name == record["name"] and bool(wanted.match_fast(record["version"], record["build"]))

    def honest(ask):
        # conda 4.3 keeps a version it has refused, half made, and takes it the next time.
        def asked(*question):
            version_cache.clear()
            return ask(*question)

        return asked

    return honest(order), honest(match), honest(spec)


def rattler():
    from rattler import BuildString, MatchSpec, PackageRecord, Version, VersionSpec

    def order(a, b):
        a, b = Version(a), Version(b)
        return -1 if a < b else (0 if a == b else 1)

    def match(constraint, version):
        return VersionSpec(constraint).matches(Version(version))

    def spec(text, record):
        wanted = MatchSpec(text)
        build = BuildString(record["build"])
        return PackageRecord(record["name"], record["version"], build, record["build_number"], record["subdir"]).matches(wanted)

    return order, match, spec


def answers(ask, questions):
    for question in questions:
        try:
            yield ask(*question)
        except (Exception, SystemExit):
            yield None


def main():
    try:
        order, match, spec = conda43()
    except ImportError:
        order, match, spec = rattler()
    asked = json.load(sys.stdin)
    out = {
        "order": list(answers(order, asked.get("order", []))),
        "match": list(answers(match, asked.get("match", []))),
        "spec": list(answers(spec, asked.get("spec", []))),
    }
    # conda 4.3 prints warnings to stdout while it refuses.
    print("\n" + json.dumps(out))


main()
