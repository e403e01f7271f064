"""Makes test/fixtures/version-specs.json: which versions conda takes for constraints with stars in all places, and which builds for patterns.

    python scripts/make-version-specs-fixture.py test/fixtures/version-specs.json

Wants a Python in which conda can be imported (made with conda 26.7.1). An answer is one digit a version or build, 1 where it is taken; null
where conda refuses the constraint.
"""

import json
import logging
import sys

from conda.models.match_spec import GlobStrMatch
from conda.models.version import VersionSpec

logging.disable(logging.CRITICAL)
VERSIONS = (
    "0.9 1 1.0 1.1 1.2dev.rc1 1.2dev 1.2dev1 1.2_ 1.2a 1.2rc 1.2rc1 1.2RC1 1.2.dev1 1.2.rc1 1.2 1.2.0 1.2+local 1.2.3 1.2.3.4 1.2_3"
    " 1.2-3 1.2post1 1.2.post1 1.20 1.3 2rc1 2 1!1.2 1!2 dev1"
).split()
OPERATORS = ["", "=", "==", "!=", "<", "<=", ">", ">=", "~="]
OPERANDS = (
    "1.2 1.2rc 1.2RC1 1.2_ 1.2+local 1!1.2 1 * ** *.* .* *. 1* 1** 1.* 1.** 1.*.* 1..* 1.2* 1.2** 1.2.* 1.2.** 1.2.*.* 1.2_* 1.2-* 1.2rc* 1.2RC*"
    " 1.2rc.* 1.2dev* 1.2post* 1.2+* 1.2+l* 1.2+local.* 1!* 1!1* 1!1.* *2 *.2 *.2.* *rc1 *RC1 1.*.3 1.*.3.* 1.*3 1.*RC1 1.*rc1 1.*rc* 1.*.* 1*.2"
    " 1*2 1*!1 *!1 1.2*rc1 1.2*.3 1.2*.* 1.2.*_ 1.2*_3 1.2*+local 1.2+*l 1._* 1_.* 1.2_3* 1.2@* 1-* 1-2*"
).split()
LISTS = (
    ">=1.2*,<1.3 <1.3,>=1.2* ==1.2*|1.3 ==1.2*,1.2 !=1.2*,!=1.3 (<1.2*|1.3),!=1.0 =1.2*,!=1.2.3 =1.2.*,!=1.2.3 ==1.2.*|2 >=1,==* 2|=* *|1 *,1"
    " 1.*RC1|2 1.*.3,>1 >=1.2*|<1.2* ~=1.2*,!=1.2"
).split()
BUILDS = "py39_0 PY39_0 py39 py310_1 mkl xmkl mklx 0 a.b a+b py3.9 py3".split()
PATTERNS = (
    "py39_0 PY39_0 py3* PY3* *39* *_0 * ** p*3*0 *mkl mkl* a.b a*b a+b *.* py3.9 ^py3.*$ ^PY3.*$ ^py3.*|mkl$ ^mkl|xmkl$ ^(mkl|0)$ ^(?:py3|py39)$"
    " ^py3$ ^.*$ ^a.b$ ^a\\.b$ ^[a-p]y39_0$ ^py39?$ ^\\d$ ^\\w+$ ^py3|0$"
).split()


def digits(ask, texts):
    try:
        return "".join("01"[bool(ask(text))] for text in texts)
    except Exception:
        return None


def versions(constraint):
    return digits(lambda version: VersionSpec(constraint).match(version), VERSIONS)


def rows(answers):
    return ",\n".join("%s: %s" % (json.dumps(text), json.dumps(answer)) for text, answer in answers.items())


constraints = [operator + operand for operator in OPERATORS for operand in OPERANDS] + LISTS
with open(sys.argv[1], "w") as file:
    file.write(
        '{"versions": %s,\n"constraints": {\n%s\n},\n"builds": %s,\n"patterns": {\n%s\n}}\n'
        % (
            json.dumps(VERSIONS),
            rows({text: versions(text) for text in dict.fromkeys(constraints)}),
            json.dumps(BUILDS),
            rows({text: digits(GlobStrMatch(text).match, BUILDS) for text in dict.fromkeys(PATTERNS)}),
        )
    )
