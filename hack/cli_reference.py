"""Print docs/reference/cli.md, from the commands themselves."""

import sys

from kyma_harness.cli import commands
from kyma_harness.commands.reference import reference

sys.stdout.write(reference(commands))
