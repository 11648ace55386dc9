"""What `drift` offers by itself: every name, from where it is defined, and nothing loaded before it is asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

import drift
from drift.monitor.boards import check


def test_the_names_are_sorted_and_each_has_its_home():
    assert drift.__all__ == sorted(drift.__all__)
    assert set(drift.__all__) == set(drift._HOMES)


@pytest.mark.parametrize("name", drift.__all__)
def test_a_name_is_what_its_home_defines(name):
    found = getattr(drift, name)
    assert found is getattr(import_module(drift._HOMES[name]), name)
    assert found.__module__ == drift._HOMES[name]


def test_a_name_that_is_not_there_is_said_as_of_any_module():
    assert drift.check is check
    with pytest.raises(AttributeError, match="module 'drift' has no attribute 'cheque'"):
        drift.cheque  # noqa: B018  to ask for it is the test


def test_the_package_alone_loads_no_library():
    code = "import sys, drift; print(*{'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"
