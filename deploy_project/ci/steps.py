"""The actions of all kinds of steps: those of `runs`, with lint and compare added."""

from collections.abc import Mapping

from deploy_project.ci.compare.step import compare_changes
from deploy_project.ci.lint.step import lint
from deploy_project.runs.model.plan import Kind
from deploy_project.runs.steps import actions
from deploy_project.runs.steps.actions import Action

ACTIONS: Mapping[Kind, Action] = {
    **actions.ACTIONS,
    "lint": lint,
    "compare": compare_changes,
}
