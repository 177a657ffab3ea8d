from deploy_project.cli.table import table


def test_columns_are_as_wide_as_they_need_to_be():
    assert table(["run", "cause"], [["1", "by hand"], ["12345", ""]]).split("\n") == [
        "RUN    CAUSE",
        "1      by hand",
        "12345",
    ]


def test_a_cell_can_not_control_the_terminal():
    """A cause is anybody's text: it could clear the screen, or fake further rows."""
    assert table(["cause"], [["one\ntwo\x1b[2J\u202e"]]) == "CAUSE\none two [2J"
