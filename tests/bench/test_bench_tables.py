import pytest

from bench.tables import replaced

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def test_only_what_is_between_the_markers_is_replaced():
    text = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    once = replaced(text, "new", name="bench")
    assert once == f"before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    assert replaced(once, "new", name="bench") == once


def test_each_table_has_markers_of_its_own():
    text = f"{BEGIN}\nold\n{END}\nafter\n"
    both = f"{text}<!-- growth: begin -->\n<!-- growth: end -->\n"
    once = replaced(both, "new", name="growth")
    assert once == f"{text}<!-- growth: begin -->\nnew\n<!-- growth: end -->\n"


@pytest.mark.parametrize("text", ["no markers", f"{BEGIN} only", f"{END} before {BEGIN}"])
def test_a_page_without_both_markers_is_left_alone(text: str):
    with pytest.raises(ValueError, match="put both where the table belongs"):
        replaced(text, "new", name="bench")
