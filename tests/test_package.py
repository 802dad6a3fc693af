"""cloudcore itself: light, and its packages at their dotted names."""

import subprocess
import sys

import pytest

import cloudcore


def test_a_package_is_there_by_its_dotted_name() -> None:
    code = "import cloudcore; print(cloudcore.models.load('sky').classes, cloudcore.sky.okta(0.5))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('cloud',) 4"


@pytest.mark.parametrize("name", ["nothing", "_hidden", "__wrapped__"])
def test_a_name_that_is_none_is_refused_as_everywhere(name: str) -> None:
    assert not hasattr(cloudcore, name)
    with pytest.raises(AttributeError, match=f"module 'cloudcore' has no attribute '{name}'"):
        getattr(cloudcore, name)
