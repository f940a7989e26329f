import subprocess
import sys

import pytest

import margin_assets.kernels

HEAVY = ("dagster", "deltalake", "boto3", "great_expectations")
PROGRAM = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print(*sorted(set(sys.modules) & set(sys.argv[2:])))
"""


@pytest.mark.parametrize("package", ["margin_assets.kernels", "margin_assets.whatif"])
def test_package_imports_no_orchestration_and_no_storage(package: str):
    command = [sys.executable, "-c", PROGRAM, package, *HEAVY]

    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert loaded == []


def test_kernels_are_where_the_program_looks():
    assert list(margin_assets.kernels.__path__)
