"""Imports the route modules of a server without its engine.

Libraries that are not installed (torch, vllm …), and all modules of the server but the named ones, become stubs: their
classes can be inherited from, called and used as types, and do nothing.
"""

import abc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types


class StubType(abc.ABCMeta):
    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return stub_class(name)

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __getitem__(cls, item):
        return cls

    def __iter__(cls):
        return iter(())

    # A limit that is a stub limits nothing.
    def __gt__(cls, other):
        return False

    __lt__ = __gt__

    def register(cls, *names):
        return lambda decorated: decorated


class Stub(metaclass=StubType):
    def __init__(self, *args, **options):
        pass

    def __init_subclass__(cls, **options):
        pass

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        from pydantic_core import core_schema

        return core_schema.any_schema()

    def __call__(self, *args, **options):
        is_decorator = len(args) == 1 and callable(args[0])
        return args[0] if is_decorator else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub()

    def __getitem__(self, key):
        return Stub()

    def __bool__(self):
        return False


def stub_class(name):
    return StubType(name, (Stub,), {})


class StubModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = stub_class(name)
        setattr(self, name, value)
        return value


class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """`real` are the modules of the server that are imported as they are; their packages are bare folders."""

    def __init__(self, server, folder, real, missing):
        self.server, self.folder, self.real, self.missing = server, folder, set(real), missing

    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root == self.server and name in self.real:
            return None
        if root == self.server or root in self.missing:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = StubModule(spec.name)
        is_package = any(real.startswith(f"{spec.name}.") for real in self.real)
        module.__path__ = ["/".join([self.folder, *spec.name.split(".")[1:]])] if is_package else []
        return module

    def exec_module(self, module):
        pass


def stub_all_but(server, real, missing):
    """`missing` are libraries; those of them that are installed stay as they are."""
    folder = importlib.util.find_spec(server).submodule_search_locations[0]
    absent = {name for name in missing if importlib.util.find_spec(name) is None}
    sys.meta_path.insert(0, StubFinder(server, folder, real, absent))
