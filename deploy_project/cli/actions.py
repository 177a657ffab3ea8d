"""Maps each command to its module, which is imported when the command is called."""

import importlib
from argparse import Namespace
from collections.abc import Callable

Act = Callable[[Namespace], int]

_COMMANDS = "deploy_project.cli.commands"
_MODULES = {
    "cancel": f"{_COMMANDS}.cancel",
    "certificate": f"{_COMMANDS}.front.certificate",
    "check": "deploy_project.cli.check.command",
    "ci": f"{_COMMANDS}.sweep",
    "ci poll": f"{_COMMANDS}.poll",
    "ci sweep": f"{_COMMANDS}.sweep",
    "demo": "deploy_project.example.demo.production",
    "demo-pr": "deploy_project.example.demo.pull_request",
    "deploy": f"{_COMMANDS}.deploy",
    "dev": "deploy_project.example.dev",
    "import": "deploy_project.cli.importing.command",
    "index": f"{_COMMANDS}.index",
    "init": f"{_COMMANDS}.init",
    "logs": f"{_COMMANDS}.logs",
    "notify": f"{_COMMANDS}.notify",
    "notify log": f"{_COMMANDS}.notify",
    "notify preview": f"{_COMMANDS}.notify",
    "notify reactivate": f"{_COMMANDS}.notify",
    "notify test": f"{_COMMANDS}.notify",
    "notify webhooks": f"{_COMMANDS}.notify",
    "retry": f"{_COMMANDS}.retry",
    "run": f"{_COMMANDS}.run",
    "runs": f"{_COMMANDS}.runs",
    "serve": f"{_COMMANDS}.front.serve",
    "token": f"{_COMMANDS}.front.token",
    "token create": f"{_COMMANDS}.front.token",
    "token list": f"{_COMMANDS}.front.token",
}


def action(command: str) -> Act:
    """Return the function that carries out `command` and returns its exit code."""
    module = _MODULES[command]

    def act(given: Namespace) -> int:
        code: int = importlib.import_module(module).act(given)
        return code

    return act
