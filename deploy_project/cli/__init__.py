"""The command line: `main` is its one error boundary."""

import os
import sys
from collections.abc import Sequence

from deploy_project.cli.parser import parser
from deploy_project.cli.unexpected_error import report
from deploy_project.config.environment import load_dotenv
from deploy_project.errors import DeployError

FAILURE, UNEXPECTED, INTERRUPTED = 1, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code; docs/cli.md lists them."""
    parsed = parser().parse_args(arguments)
    try:
        load_dotenv()
        code: int = parsed.act(parsed)
        sys.stdout.flush()  # here a reader that has gone can still be dealt with
    except DeployError as error:
        print(f"deploy-project {parsed.command}: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print(f"deploy-project {parsed.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `deploy-project logs … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        print(report(error, command=parsed.command), file=sys.stderr)
        return UNEXPECTED
    return code
