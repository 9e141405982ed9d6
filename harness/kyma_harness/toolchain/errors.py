"""What can go wrong with the tools.

HarnessError
 └ ToolError
    ├ ToolUnavailableError       no way led to a tool: names the ways, each one's reason, and what to do
    └ WrongToolVersionError      the given folder holds another version than the one that is pinned
"""

from kyma_harness.host.errors import HarnessError


class ToolError(HarnessError):
    """Cover everything that is wrong with a tool."""


class ToolUnavailableError(ToolError):
    """Report a tool that could neither be found, fetched nor built."""


class WrongToolVersionError(ToolError):
    """Report a tool of another version than the pinned one."""
