"""The cursors of sensors, as they are read: another version, or a person, may have written them."""

from typing import TypeVar

from pydantic import TypeAdapter

Form = TypeVar("Form")


def read(form: TypeAdapter[Form], text: str | None) -> Form | None:
    """Return what `text` holds in `form`; None when that is nothing of ours.

    Fields that `form` does not know are passed over, and those it knows may be missing where it
    has a default: a newer version may have written them. No text is nothing of ours, too.
    """
    try:
        return form.validate_json(text or "")
    except ValueError:  # pydantic's own error, or text that is no UTF-8
        return None
