"""The reader of sensor cursors, which another version, or a person, may have written."""

from typing import TypeVar

from pydantic import TypeAdapter

Form = TypeVar("Form")


def read(form: TypeAdapter[Form], text: str | None) -> Form | None:
    """Return the cursor in `text`, of type `form`; None when it has another form.

    Fields that `form` does not know are passed over, and those it knows may be missing where it
    has a default: a newer version may have written them. Without a text there is no cursor either.
    """
    try:
        return form.validate_json(text or "")
    except ValueError:  # pydantic's own error, or text that is no UTF-8
        return None
