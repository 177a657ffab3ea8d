"""Jinja of jobs files: what it means, and that it takes neither time, memory nor anything else."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy_project.config.files import rendering
from tests.support.deployments.configuration_files import DEPLOY, Configuration

WITH_VARS = DEPLOY + "vars_files: [vars.yml]\n"
JOB = "jobs:\n  one:\n    environment: production\n"


def problems(configuration: Configuration, text: str, values: str = "name: one") -> list[str]:
    return configuration.problems(
        {"deploy.yaml": WITH_VARS, "vars.yml": values, "jobs.yml": JOB + text}
    )


@pytest.mark.parametrize(
    ("template", "line", "what"),
    [
        ("# {{ 'a' * 10**10 }}", 4, "it needs more than 512 MiB"),
        (
            "# {% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            1,
            "it takes longer than 5 s, or too much memory",
        ),
        (
            "# {% for a in range(99999) %}{{ 'x' * 99 }}{% endfor %}",
            1,
            "it becomes larger than 1 MiB",
        ),
        (
            "\n# {{ ''.__class__ }}",
            5,
            "access to attribute '__class__' of 'str' object is unsafe.",
        ),
    ],
)
def test_a_template_takes_no_more_than_its_share(
    configuration: Configuration, template: str, line: int, what: str
):
    """`{{ 'a' * 10**10 }}` took all memory of the machine, in each of Dagster's processes."""
    assert problems(configuration, template) == [
        f"jobs.yml:{line}: (file): can't be rendered: {what}; correct it"
    ]


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
        "{{ lipsum.__globals__['os'].popen('touch CANARY').read() }}",
        "{% set x = ''.__class__.__mro__[1].__subclasses__() %}{{ x }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{% include '/etc/passwd' %}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    ],
)
def test_a_template_reaches_nothing_beyond_its_values(
    configuration: Configuration, template: str, tmp_path: Path
):
    canary = tmp_path / "canary"
    (told,) = problems(configuration, "# " + template.replace("CANARY", str(canary)))
    assert not canary.exists()
    assert told.startswith("jobs.yml:4: (file): ")
    assert told.endswith("; correct it")


def test_the_line_of_a_failure_is_told(configuration: Configuration):
    assert problems(configuration, "\n\n# {{ 1 / 0 }}") == [
        "jobs.yml:6: (file): can't be rendered (ZeroDivisionError); correct it"
    ]


def test_brackets_without_end(configuration: Configuration):
    assert problems(configuration, "# {{ " + "(" * 2000) == [
        "jobs.yml:1: (file): can't be rendered (RecursionError); correct it"
    ]


def test_one_template_that_takes_too_long_hides_no_problem_of_others(configuration: Configuration):
    loops = "{% for a in range(99999) %}" * 2 + "{% endfor %}" * 2
    files = {
        "deploy.yaml": WITH_VARS + "jobs: [a.yml, b.yml, c.yml]",
        "vars.yml": "name: one",
        "a.yml": "a: {{ nothing }}",
        "b.yml": loops,
        "c.yml": "\nc: {{ nobody }}",
    }
    where = "found no such name in the vars files; define it there"
    assert configuration.problems(files) == [
        f"a.yml:1: (file): uses the variable 'nothing', {where}",
        "b.yml:1: (file): can't be rendered: it takes longer than 5 s, or too much memory; "
        "correct it",
        f"c.yml:2: (file): uses the variable 'nobody', {where}",
    ]


VALUES = """\
day: 2024-01-31
moment: 2024-01-31T10:00:00Z
nothing:
some: [1, 2.50, true]
marked: "{{ not_rendered }}"
set: !!set {a}
"""


def test_values_keep_their_types(configuration: Configuration):
    """They cross to another process, and have to be there what they are here."""
    text = JOB + (
        "    description: >-\n"
        "      {{ day.year }} {{ moment.hour }} {{ nothing }} {{ some[1] }} {{ marked }}\n"
        "      {% for each in some %}{{ each }},{% endfor %} {{ set | first }}\n"
        "      {% set mine = [] %}{{ mine.append(1) or mine }}\n"
    )
    found = configuration.load({"deploy.yaml": WITH_VARS, "vars.yml": VALUES, "jobs.yml": text})
    (job,) = found.jobs.values()
    assert job.description == "2024 10 null 2.5 {{ not_rendered }} 1,2.5,True, a [1]"


def test_without_jinja_no_process_is_started(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
):
    def start(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(rendering.subprocess, "run", start)
    text = JOB + "    description: no {Jinja} } % here\n"
    assert configuration.load({"jobs.yml": text}).jobs


def test_loading_imports_no_jinja():
    """The child imports it; the processes of Dagster have better things to do."""
    code = "import sys, deploy_project.config.resolve.loading; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
