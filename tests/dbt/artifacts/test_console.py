import pytest

from deploy_project.dbt.artifacts.console import last_words


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["12:00:00  Encountered an error:", "No such file", "12:00:01  Traceback"],
            "No such file",
        ),
        (["one", "", "two"], "one\ntwo"),
        ([], "no message"),
        (
            [
                '{"info": {"msg": "Running with dbt=1.11.16"}}',
                '{"info": {"msg": "Encountered an error:\\nNo such file"}}',
            ],
            "No such file",
        ),
        (['{"info": {"level": "error"}}', "{not json"], '{"info": {"level": "error"}}\n{not json'),
        (["\x1b[0m12:00:00  [\x1b[31mERROR\x1b[0m]: no"], "12:00:00  [ERROR]: no"),
    ],
    ids=["text", "no error", "nothing", "JSON", "other JSON", "colors"],
)
def test_the_last_words_of_dbt_are_text(lines: list[str], expected: str):
    assert last_words(lines) == expected
