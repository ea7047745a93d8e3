"""As in the network's tests: only the variables that a test sets, and only loopback."""

from tests.net.conftest import bare_environment, loopback_only

__all__ = ["bare_environment", "loopback_only"]
