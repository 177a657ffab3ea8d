import pytest

from deploy_project.runs.outcome.failure_place import place

DUCKDB = """Runtime Error in model orders (models/marts/orders.sql)
  Parser Error: syntax error at or near "form"

  LINE 4: select * form raw
                   ^"""
POSTGRES = """Database Error in snapshot history (snapshots/history.sql)
  column "nmae" does not exist
  LINE 12:     nmae
               ^
  compiled code at target/run/shop/snapshots/history.sql"""
SNOWFLAKE = """Database Error in model orders (models/orders.sql)
  001003 (42000): SQL compilation error:
  syntax error line 3 at position 5 unexpected 'form'."""
BIGQUERY = """Database Error in model orders (models/orders.sql)
  Syntax error: Unexpected identifier "form" at [7:10]"""
SPARK = """Runtime Error in model orders (models/orders.sql)
  [PARSE_SYNTAX_ERROR] Syntax error at or near 'form'. (line 9, pos 9)"""
JINJA = """Compilation Error in model orders (models/orders.sql)
  unexpected '}'
    line 2
      {{ ref('raw') }"""
YAML = """Parsing Error
  Error reading shop: models/schema.yml - Runtime Error
    Syntax error near line 5"""
UNIT_TEST = "Compilation Error in unit_test adds_up (models/schema.yml)\n  no"
MACRO = "Compilation Error in model orders (models/a b.sql)\n  > in macro m (macros/m.sql)"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (DUCKDB, ("models/marts/orders.sql", 4)),
        (POSTGRES, ("snapshots/history.sql", 12)),
        (SNOWFLAKE, ("models/orders.sql", 3)),
        (BIGQUERY, ("models/orders.sql", 7)),
        (SPARK, ("models/orders.sql", 9)),
        (JINJA, ("models/orders.sql", 2)),
        (YAML, ("models/schema.yml", 5)),
        (UNIT_TEST, ("models/schema.yml", None)),
        (MACRO, ("models/a b.sql", None)),
        ("Got 3 results, configured to fail if != 0", ("", None)),
        ("", ("", None)),
    ],
)
def test_the_place_is_the_one_that_the_message_names(
    message: str, expected: tuple[str, int | None]
):
    assert place(message) == expected
