"""Messages as files in a directory, for people to look at."""

from pathlib import Path

from deploy_project.config import small_files
from deploy_project.errors import DeliveryError
from deploy_project.notify.message import Message
from deploy_project.notify.render.email import html
from deploy_project.notify.render.text import text


def write(message: Message, directory: Path) -> Path:
    """Write a message as text and as HTML; return the file with the text."""
    name = f"{message.at:%Y-%m-%dT%H%M%SZ}-{message.job}-{message.condition}"
    name += f"-{message.run_id[:8]}" if message.run_id else ""
    file = directory / f"{name}.txt"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        small_files.write_text(file, text(message))
        small_files.write_text(file.with_suffix(".html"), html(message))
    except (FileExistsError, NotADirectoryError) as error:
        raise DeliveryError(
            f"{directory} can't be made, for a file is in its place or above it; move that, or "
            "give `file:` of the channel another directory"
        ) from error
    except OSError as error:
        raise DeliveryError(
            f"{file} can't be written: {error.strerror}; give Dagster's user the right to"
        ) from error
    return file
