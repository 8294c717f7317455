"""The tests of this folder, and the fixture `namespace` in them, use the sandbox with OpenKruise."""

import pytest

from tidegate_sandbox.state import SandboxState


@pytest.fixture(scope="session")
def sandbox(kruise_sandbox: SandboxState) -> SandboxState:
    return kruise_sandbox
