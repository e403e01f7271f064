"""Makes test/fixtures/match-specs.json: which records conda and py-rattler take for each of 550 MatchSpecs.

    python scripts/make-match-specs-fixture.py test/fixtures/match-specs.json

Wants a Python in which both can be imported (made with conda 26.7.1 and py-rattler 0.28.0). An answer is one digit a record, 1 where the
spec takes it, `-` where rattler can't hold the record; null where the program refuses the spec. rattler reads leniently, as it does `depends`.
"""

import json
import sys
import warnings

import rattler
from conda.models.match_spec import MatchSpec
from conda.models.records import PackageRecord

warnings.simplefilter("ignore")
VERSIONS = [
    "1.2",
    "1.2.0",
    "1.2.3",
    "1.2.3.1",
    "1.20",
    "1.3",
    "1.3.0",
    "2.0",
    "1.2rc1",
    "1.2.post1",
    "1!1.2",
    "0.9",
    "1.2+local",
    "1.2.3a0",
    "2",
    "1",
    "1.2_3",
    "1.2-1",
    "2024a",
    "1.2.dev1",
]
BUILDS = [("py39_0", 0), ("py310_1", 1), ("0", 0), ("h123_2", 2), ("mkl", 0)]
RECORDS = [
    {"name": "n", "version": v, "build": b, "build_number": k, "subdir": "linux-64"}
    for v in VERSIONS
    for b, k in (BUILDS if v in ("1.2", "1.2.3") else BUILDS[:1])
]
CONSTRAINTS = [
    "1.2",
    "=1.2",
    "==1.2",
    "===1.2",
    "1.2.*",
    "=1.2.*",
    "==1.2.*",
    "!=1.2",
    "!=1.2.*",
    ">=1.2",
    ">1.2",
    "<1.2",
    "<=1.2",
    ">=1.2.*",
    ">1.2.*",
    "<1.2.*",
    "<=1.2.*",
    "~=1.2",
    "~=1.2.3",
    "~=1.2.*",
    "~=1",
    "1.2*",
    "=1.2*",
    "==1.2*",
    "!=1.2*",
    ">=1.2*",
    "*",
    "=*",
    "==*",
    ">=*",
    "!=*",
    "1.*",
    "1*",
    "*.2",
    "1.*.3",
    "1.2.*.1",
    ">=1.2,<1.3",
    ">=1.2,<1.3|==2.0",
    "1.2|1.3",
    "1.2|1.3.*",
    "=1.2|=1.3",
    "==1.2|==1.3",
    "==1.2.*|==1.3.*",
    "==1.2.*,!=1.2.3",
    "!=1.2.3,==1.2.*",
    "(>=1.2,<1.3)|2.0",
    ">=1.2|(<1,>0.5)",
    "(1.2|1.3),!=1.2.3",
    "1.2.*,!=1.2.3",
    ">=1.2,",
    ">=1.2|",
    "|1.2",
    ",1.2",
    ">=1.2 ,<1.3",
    ">= 1.2, < 1.3",
    ">=1.2,< 1.3",
    "1!1.2",
    "=1!1.2",
    ">=1!0",
    "1.2+local",
    "==1.2+local",
    "=1.2+local",
    "1.2rc1",
    "=1.2rc1",
    "<1.2rc2",
    "1.2.post1",
    ">=1.2.dev0",
    "^1.2",
    "^1\\.2.*$",
    "1.2.*|^2",
    "1.2_3",
    "1.2-1",
    "=1.2-1",
    "1.2a",
    "2024a",
    "=2024a",
    ">=2023",
    "<>1.2",
    "=>1.2",
    "=<1.2",
    "1.2 | 1.3",
    ">=1.2, !=1.2.3",
    "~1.2",
    "1..2",
    "1.2.",
    "v1.2",
    ">=1.2.0a0",
    "<1.2.0a0",
    "1.2.3a0",
    "1.2.3*",
    "1.2.3.*",
    "!=1.2.3.*",
    "==1.2.0.*",
    "=1.2.0",
    "==1.20",
    "1.02",
    "==1.02",
    ">=01.2",
]
PATTERNS = [
    "py39_0",
    "py3*",
    "*_0",
    "*",
    "h123_2",
    "^py3.*$",
    "py39*|mkl",
    "*py39*",
    "mkl",
    "0",
    "PY39_0",
    "=py39_0",
    "py39",
]
SPECS = []
for v in CONSTRAINTS:
    SPECS += ["n " + v]
    if not v[0] in "0123456789*^(v|,":
        SPECS += ["n" + v]
    else:
        SPECS += ["n=" + v] if v[0] not in "(|," else []
for v in [
    "1.2",
    "=1.2",
    "==1.2",
    "1.2.*",
    "==1.2.*",
    "=1.2.*",
    ">=1.2",
    "1.2*",
    "*",
    ">=1.2,<1.3",
    "1.2|1.3",
    "==1.2.*,!=1.2.3",
    "~=1.2",
    "!=1.2",
    "1.2.3",
    "==1.2*",
]:
    for b in PATTERNS[:5] + ["py39"]:
        SPECS += ["n %s %s" % (v, b)]
        if v[0] in "0123456789*":
            SPECS += ["n=%s=%s" % (v, b)]
        else:
            SPECS += ["n%s=%s" % (v, b)]
for b in PATTERNS:
    SPECS += ["n * " + b, "n=*=" + b, "n[build=%s]" % b, "n[build='%s']" % b, "n 1.2.3 " + b]
for v in ["1.2", "=1.2", "==1.2", "1.2.*", "==1.2.*", ">=1.2,<1.3", "1.2|1.3", "~=1.2.0", "*", "!=1.2.*", "==1.2*"]:
    SPECS += [
        "n[version='%s']" % v,
        'n[version="%s"]' % v,
        "n[version='%s',build=py39_0]" % v,
        "n[version='%s', build_number=0]" % v,
    ]
    if not any(c in v for c in ",|="):
        SPECS += ["n[version=%s]" % v]
SPECS += [
    "n[build_number=1]",
    "n[build_number='>=1']",
    "n[build_number='>0']",
    "n[build_number='<2']",
    "n[build_number='!=1']",
    "n[build_number='==1']",
    "n[build_number=*]",
    "n[subdir=linux-64]",
    "n[subdir=noarch]",
    "n[subdir=linux-64,version=1.2]",
    "n [version=1.2]",
    "n  1.2",
    "n   1.2   py39_0",
    " n 1.2 ",
    "N 1.2",
    "n 1.2 py39_0 extra",
    "n 1.2 # comment",
    "n>=1.2 # why",
    "n # c",
    "n;",
    "n 1.2; if x",
    "n >=1.2 if y",
    "n 1.2 ; python_version<'3'",
    "n(>=1.2)",
    "n (>=1.2)",
    "n( >=1.2 , <2 )",
    "n@1.2",
    "n ==1.2.* py39*",
    "n==1.2.*=py39*",
    "n[name=n]",
    "n[md5=abc]",
    "n[sha256=00]",
    "n[fn=x]",
    "n[url=x]",
    "n[license=MIT]",
    "n[license=GPL*]",
    "n[features=x]",
    "n[track_features=x]",
    "n[optional]",
    "n[version=1.2",
    "n version=1.2]",
    "n[]",
    "n[ ]",
    "n[version=]",
    "n[build=]",
    "n =1.2",
    "n = 1.2",
    "n = 1.2 py39_0",
    "n == 1.2",
    "n >= 1.2",
    "n >=1.2,<1.3 py39_0",
    "n>=1.2,<1.3=py39_0",
    "n>=1.2 py39_0",
    "n !=1.2 py39_0",
    "n 1.2,1.3",
    "n 1.2 1.3",
    "n 1.2|>=2 py39_0",
    "*",
    "*[version=1.2]",
    "n* 1.2",
    "n-x",
    "",
    "n=",
    "n==",
    "n>=",
    "n =",
    "n ~=1.2 py39_0",
    "n=1.2=",
    "n=1.2=*",
    "n==1.2=*",
    "n 1.2 *",
    "n=1.2.0",
    "n 1.2.0",
    "n==1.2.0",
    "n=1.2.3=py39*",
    "c::n",
    "c::n=1.2",
    "c/linux-64::n",
    "c/noarch::n",
    "https://x/c::n",
    "https://x/c/linux-64::n 1.2",
    "c::n[subdir=linux-64]",
    "::n",
    "c:ns:n",
    "c:n",
    "pip:n",
    "n[channel=c]",
    "n::",
    'n[version="1.2" build=py39_0]',
    "n[version=1.2 build=py39_0]",
    "n[version='1.2'][build=py39_0]",
    "n[version=1.2,version=1.3]",
    "n 1.2[build=py39_0]",
    "n 1.2 py39_0[build=mkl]",
    "n=1.2[version=1.3]",
    "n=1.2[build=py39_0]",
    "n>=1.2[build=py39_0]",
    "n[Version=1.2]",
    "n-1.2-py39_0.conda",
    "n-1.2-py39_0.tar.bz2",
    "n=1.2.*=py3?_0",
    "n[extras=[a,b]]",
    "n[extras=[a]] 1.2",
    'n[when="x"]',
    "n[flags=[cuda]]",
    "n[version=1.2,foo=bar]",
]


def answer(ask):
    try:
        return ask()
    except Exception:
        return None


def digits(matches):
    return "".join("-" if each is None else "01"[bool(each)] for each in matches)


CONDA = [PackageRecord(channel="c", fn="n.conda", **each) for each in RECORDS]
RATTLER = [
    answer(
        lambda r=r: rattler.PackageRecord(
            r["name"], r["version"], rattler.BuildString(r["build"]), r["build_number"], r["subdir"]
        )
    )
    for r in RECORDS
]


def by_conda(text):
    spec = MatchSpec(text)
    return digits(spec.match(record) for record in CONDA)


def by_rattler(text):
    spec = rattler.MatchSpec(text, strict=False)
    return digits(None if record is None else record.matches(spec) for record in RATTLER)


specs = {text: [answer(lambda: by_conda(text)), answer(lambda: by_rattler(text))] for text in dict.fromkeys(SPECS)}
with open(sys.argv[1], "w") as file:
    rows = ",\n".join("%s: %s" % (json.dumps(text), json.dumps(both)) for text, both in specs.items())
    file.write('{"records": %s,\n"specs": {\n%s\n}}\n' % (json.dumps(RECORDS), rows))
