"""Print docs/reference/cli.md, from the commands themselves."""

import sys

from harness.cli import commands
from harness.commands.reference import reference

sys.stdout.write(reference(commands))
