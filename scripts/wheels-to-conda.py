"""Makes conda packages out of wheels and out of a CPython 3.9 installation.

    python wheels-to-conda.py --wheels DIR --python PREFIX --out DIR

Each package is written twice, as OUT/<subdir>/<name>.conda and .tar.bz2, with its info/index.json beside it as
<file>.index.json. The .conda of a compiled Linux package depends on `__glibc`; the .tar.bz2, made for clients that know no
virtual packages, does not. The same input gives the same bytes. Run by scripts/make-upstream.ts, with a Python that has
`zstandard`.
"""

import argparse
import bz2
import calendar
import configparser
import hashlib
import io
import json
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import zstandard

# What the wheels' own metadata say, in conda's words, less what is for other platforms or extras.
DEPENDS = {
    "certifi": [],
    "charset-normalizer": [],
    "idna": [],
    "numpy": [],
    "pandas": ["numpy >=1.22.4", "python-dateutil >=2.8.2", "pytz >=2020.1", "tzdata >=2022.7"],
    "pip": ["setuptools", "wheel"],
    "python-dateutil": ["six >=1.5"],
    "pytz": [],
    "requests": ["certifi >=2017.4.17", "charset-normalizer >=2,<4", "idna >=2.5,<4", "urllib3 >=1.21.1,<3"],
    "setuptools": [],
    "six": [],
    "tzdata": [],
    "urllib3": [],
    "wheel": [],
}
LICENSES = {
    "certifi": "MPL-2.0",
    "numpy": "BSD-3-Clause",
    "pandas": "BSD-3-Clause",
    "idna": "BSD-3-Clause",
    "requests": "Apache-2.0",
    "tzdata": "Apache-2.0",
    "python-dateutil": "Apache-2.0 AND BSD-3-Clause",
}
PY39 = "python >=3.9,<3.10.0a0"

# Pure, yet built per platform, as the base channels of the field did: conda 4.3 starts one Python for each module of a
# noarch package to compile it, two minutes for these three.
PER_PLATFORM = {"pip", "setuptools", "wheel"}

# conda-build's: long, since a binary's prefix can only be replaced by a shorter one.
PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"

# Parts of CPython's library that no customer's package imports: tests, the build's own files, GUI, caches.
NOT_SHIPPED = re.compile(
    r"(^|/)(__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|site-packages|idle_test|config-3[^/]*)(/|$)"
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wheels", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write_both(args.out, python_package(args.python))
    write_both(args.out, windows_python(python_version(args.python)))
    for wheel in sorted(args.wheels.glob("*.whl")):
        for subdir in subdirs_of(wheel):
            write_both(args.out, wheel_package(wheel, subdir))


class Package:
    """name, version, build, subdir, depends, …; `files`: path -> (bytes | link target as str, mode)."""

    def __init__(self, name, version, build, subdir, depends, timestamp, license="MIT", noarch=None):
        self.name, self.version, self.build, self.subdir = name, version, build, subdir
        self.depends, self.timestamp, self.license, self.noarch = depends, timestamp, license, noarch
        self.files = {}
        self.entry_points = []

    @property
    def stem(self):
        return f"{self.name}-{self.version}-{self.build}"


def subdirs_of(wheel):
    name, _, _, _, platform = wheel.stem.split("-")
    if name in PER_PLATFORM:
        return ["linux-64", "win-64"]
    return ["noarch" if platform == "any" else "win-64" if platform.startswith("win") else "linux-64"]


def wheel_package(path, subdir):
    name, version = path.stem.split("-")[:2]
    name = re.sub(r"[-_.]+", "-", name).lower()
    pure = subdir == "noarch"
    with zipfile.ZipFile(path) as wheel:
        infos = [info for info in wheel.infolist() if not info.is_dir()]
        package = Package(
            name,
            version,
            "py_0" if pure else "py39_0",
            subdir,
            ["python >=3.8" if pure else PY39, *DEPENDS[name]],
            max(calendar.timegm(info.date_time + (0, 0, 0)) for info in infos) * 1000 + 1,
            LICENSES.get(name, "MIT"),
            "python" if pure else None,
        )
        library = {"noarch": "site-packages", "win-64": "Lib/site-packages"}.get(subdir, "lib/python3.9/site-packages")
        for info in infos:
            target = installed_path(info.filename, library)
            if target is not None:
                mode = 0o755 if target.endswith(".so") or ".so." in target else 0o644
                package.files[target] = (wheel.read(info), mode)
            if info.filename.endswith(".dist-info/entry_points.txt"):
                package.entry_points = console_scripts(wheel.read(info).decode())
    distinfo = next(each for each in package.files if each.endswith(".dist-info/METADATA")).rsplit("/", 1)[0]
    package.files[f"{distinfo}/INSTALLER"] = (b"conda\n", 0o644)
    if subdir == "linux-64":
        add_scripts(package)
    return package


def installed_path(member, library):
    """Where a member of a wheel goes in an environment; None for what stays out."""
    if member.endswith(".dist-info/RECORD") or "/tests/" in member:
        return None
    data = re.match(r"[^/]+\.data/(purelib|platlib|data|scripts)/(.+)", member)
    if data is None:
        return f"{library}/{member}"
    return {"data": "", "scripts": "bin/"}.get(data[1], f"{library}/") + data[2]


def console_scripts(text):
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str
    parser.read_string(text)
    return [f"{key} = {value}" for key, value in sorted(parser["console_scripts"].items())] if "console_scripts" in parser else []


def add_scripts(package):
    """A compiled package brings its scripts as files, with a prefix to be replaced."""
    for entry in package.entry_points:
        name, module, function = re.match(r"(\S+) = ([\w.]+):([\w.]+)", entry).groups()
        script = f"#!{PLACEHOLDER}/bin/python\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        package.files[f"bin/{name}"] = (script.encode(), 0o755)


def python_version(prefix):
    return subprocess.check_output([prefix / "bin" / "python3.9", "-c", "import platform; print(platform.python_version())"], text=True).strip()


def python_package(prefix):
    version = python_version(prefix)
    package = Package("python", version, "lab_0_cpython", "linux-64", [], 1_693_000_000_001, "PSF-2.0")
    library = prefix / "lib" / "python3.9"
    for path in sorted(library.rglob("*")):
        relative = path.relative_to(library).as_posix()
        if path.is_file() and not NOT_SHIPPED.search(relative):
            package.files[f"lib/python3.9/{relative}"] = (relocated(path.read_bytes(), prefix), path.stat().st_mode & 0o755)
    package.files["lib/python3.9/site-packages/README.txt"] = (b"This directory contains packages.\n", 0o644)
    for path in sorted((prefix / "lib").glob("libpython3*.so*")):
        target = path.resolve().name
        content = target if path.is_symlink() else relocated(path.read_bytes(), prefix)
        package.files[f"lib/{path.name}"] = (content, 0o755)
    package.files["bin/python3.9"] = (relocated((prefix / "bin" / "python3.9").read_bytes(), prefix), 0o755)
    package.files["bin/python3"] = ("python3.9", 0o777)
    package.files["bin/python"] = ("python3.9", 0o777)
    return package


def relocated(content, prefix):
    """Text: the prefix becomes the placeholder. ELF: a run path into the prefix becomes a relative one, in place."""
    run_path = f"{prefix}/lib".encode() + b"\0"
    if content.startswith(b"\x7fELF"):
        return content.replace(run_path, b"$ORIGIN/../lib".ljust(len(run_path), b"\0"))
    return content.replace(str(prefix).encode(), PLACEHOLDER.encode())


def windows_python(version):
    """Stands for python on Windows, where only the solver needs it."""
    package = Package("python", version, "lab_0_cpython", "win-64", [], 1_693_000_000_001, "PSF-2.0")
    package.files["python.txt"] = (f"Python {version}\r\n".encode(), 0o644)
    return package


def write_both(out, package):
    folder = out / package.subdir
    folder.mkdir(parents=True, exist_ok=True)
    for extension, pack in ((".conda", conda_bytes), (".tar.bz2", tar_bz2_bytes)):
        index = index_json(package, virtual=extension == ".conda")
        path = folder / (package.stem + extension)
        path.write_bytes(pack(package, info_files(package, index)))
        path.with_name(path.name + ".index.json").write_text(json.dumps(index, sort_keys=True))


def index_json(package, virtual):
    glibc = ["__glibc >=2.17"] if virtual and package.subdir == "linux-64" else []
    platform, arch = (None, None) if package.noarch else (package.subdir.split("-")[0], "x86_64")
    index = {
        "arch": arch,
        "build": package.build,
        "build_number": 0,
        "depends": [*package.depends, *glibc],
        "license": package.license,
        "name": package.name,
        "platform": platform,
        "subdir": package.subdir,
        "timestamp": package.timestamp,
        "version": package.version,
    }
    return {**index, "noarch": package.noarch} if package.noarch else index


def info_files(package, index):
    paths, prefixed = [], []
    for name, (content, _) in sorted(package.files.items()):
        if isinstance(content, str):
            target = package.files[f"{name.rsplit('/', 1)[0]}/{content}"][0]
            paths.append(path_entry(name, "softlink", target))
            continue
        entry = path_entry(name, "hardlink", content)
        if PLACEHOLDER.encode() in content and not content.startswith(b"\x7fELF"):
            entry.update(file_mode="text", prefix_placeholder=PLACEHOLDER)
            prefixed.append(f"{PLACEHOLDER} text {name}\n")
        paths.append(entry)
    files = {
        "info/index.json": dump(index),
        "info/about.json": dump({"license": package.license}),
        "info/files": "".join(f"{name}\n" for name in sorted(package.files)).encode(),
        "info/paths.json": dump({"paths": paths, "paths_version": 1}),
    }
    if prefixed:
        files["info/has_prefix"] = "".join(prefixed).encode()
    if package.noarch:
        noarch = {"type": "python", "entry_points": package.entry_points}
        files["info/link.json"] = dump({"noarch": noarch, "package_metadata_version": 1})
    return {name: (content, 0o644) for name, content in files.items()}


def path_entry(name, kind, content):
    return {"_path": name, "path_type": kind, "sha256": hashlib.sha256(content).hexdigest(), "size_in_bytes": len(content)}


def dump(value):
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def tar_bz2_bytes(package, info):
    return bz2.compress(tar_bytes(package, {**info, **package.files}), 9)


def conda_bytes(package, info):
    # Single-threaded and of one level, so that the bytes depend on nothing but the library's version.
    zstd = zstandard.ZstdCompressor(level=12)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", zstd.compress(tar_bytes(package, package.files))),
            (f"info-{package.stem}.tar.zst", zstd.compress(tar_bytes(package, info))),
        ):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


def tar_bytes(package, files):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, (content, mode) in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.mode, member.mtime = mode, package.timestamp // 1000
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


if __name__ == "__main__":
    main()
