"""What pull requests add to the kinds of steps that a run has."""

from collections.abc import Mapping

from deploy_project.ci.compare import compare_changes
from deploy_project.ci.lint import lint
from deploy_project.runs import actions
from deploy_project.runs.actions import Action
from deploy_project.runs.plan import Kind

ACTIONS: Mapping[Kind, Action] = {
    **actions.ACTIONS,
    "lint": lint,
    "compare": compare_changes,
}
