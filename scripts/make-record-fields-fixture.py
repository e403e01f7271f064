"""Makes test/fixtures/record-fields.json: what conda and py-rattler do with each field of a record holding each of 21 odd values.

    python scripts/make-record-fields-fixture.py test/fixtures/record-fields.json

Wants a Python in which both can be imported, with conda's classic solver (made with conda 26.7.1 and py-rattler 0.28.0). For each channel of two
packages, one of them odd, four letters: conda installs the other, conda installs the odd one, rattler the other, rattler the odd one; `+` yes, `-` no.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
HOME = tempfile.mkdtemp()
os.environ.update(HOME=HOME, CONDA_PKGS_DIRS=os.path.join(HOME, "pkgs"), CONDA_SOLVER="classic")

import rattler  # noqa: E402
from conda.core.solve import Solver  # noqa: E402
from conda.models.channel import Channel  # noqa: E402

ABSENT = "<absent>"
VALUES = [
    ABSENT,
    None,
    "",
    [],
    {},
    0,
    1,
    -1,
    1.5,
    True,
    False,
    "1",
    "x",
    ["x"],
    [""],
    [1],
    [None],
    {"a": "b"},
    "python",
    "generic",
    ["python"],
]
FIELDS = [
    "name",
    "version",
    "build",
    "build_number",
    "depends",
    "constrains",
    "subdir",
    "noarch",
    "md5",
    "sha256",
    "size",
    "timestamp",
    "license",
    "license_family",
    "track_features",
    "features",
    "arch",
    "platform",
    "fn",
    "url",
    "channel",
    "date",
    "legacy_bz2_md5",
    "legacy_bz2_size",
    "preferred_env",
    "package_type",
    "python_site_packages_path",
    "purls",
    "run_exports",
    "indexed_timestamp",
    "app_entry",
    "has_prefix",
    "requires",
    "strange",
    "extra_depends",
    "flags",
]


def record(name, digit):
    return {
        "name": name,
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "depends": [],
        "md5": digit * 32,
        "sha256": digit * 64,
        "size": 10,
        "subdir": "linux-64",
    }


def by_conda(folder, name):
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        solver = Solver(os.path.join(HOME, "env"), [Channel("file://" + folder)], ("linux-64", "noarch"), [name])
        return any(each.name == name for each in solver.solve_final_state())


def by_rattler(folder, name):
    gateway = rattler.Gateway(cache_dir=tempfile.mkdtemp(dir=HOME))
    channels = [rattler.Channel("file://" + folder)]
    solved = asyncio.run(solve(channels, name, gateway))
    return any(each.name.normalized == name for each in solved)


async def solve(channels, name, gateway):
    return await rattler.solve(channels, [name], gateway, platforms=["linux-64", "noarch"])


def answer(ask, folder, name):
    try:
        return "+" if ask(folder, name) else "-"
    except BaseException:
        return "-"


def answers(odd):
    folder = tempfile.mkdtemp(dir=HOME)
    for subdir, packages in (
        ("linux-64", {"app-1.0-0.tar.bz2": odd, "b-1.0-0.tar.bz2": record("b", "1")}),
        ("noarch", {}),
    ):
        os.makedirs(os.path.join(folder, subdir))
        with open(os.path.join(folder, subdir, "repodata.json"), "w") as file:
            json.dump({"info": {"subdir": subdir}, "packages": packages, "packages.conda": {}}, file)
    return "".join(answer(ask, folder, name) for ask in (by_conda, by_rattler) for name in ("b", "app"))


rows = []
for field in FIELDS:
    for value in VALUES:
        odd = record("app", "0")
        if value == ABSENT:
            odd.pop(field, None)
        else:
            odd[field] = value
        rows.append("[%s, %s, %s]" % (json.dumps(field), json.dumps(value), json.dumps(answers(odd))))
with open(sys.argv[1], "w") as file:
    file.write("[\n" + ",\n".join(rows) + "\n]\n")
