"""conda-index without conda (which is on no registry of Python): what it imports of it for the index itself are names and an order."""
import runpy, sys, types

def module(name, **names):
    made = sys.modules[name] = types.ModuleType(name)
    made.__path__ = []
    for key, value in names.items():
        setattr(made, key, value)

class VersionOrder(str):
    pass

for name in ("conda", "conda.base", "conda.core", "conda.models", "conda.plugins"):
    module(name)
SUBDIRS = ("noarch", "linux-64", "osx-64", "win-64")
module("conda.base.constants", PLATFORM_DIRECTORIES=SUBDIRS, KNOWN_SUBDIRS=SUBDIRS)
module("conda.base.context", context=None)
module("conda.core.subdir_data", SubdirData=None)
module("conda.exports", MatchSpec=None, Resolve=None, VersionOrder=VersionOrder)
module("conda.models.channel", Channel=None)
module("conda.models.version", VersionOrder=VersionOrder)
runpy.run_module("conda_index", run_name="__main__")
