"""`deploy-project certificate`: makes a private authority, and a certificate for `serve`."""

import os
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy_project.config import small_files
from deploy_project.config.environment import settings
from deploy_project.errors import ConfigError

if TYPE_CHECKING:
    import trustme

_DAYS = 397
"""The longest that clients take for a server's certificate."""
_NAME = "deploy_project"


def certificate(hosts: Sequence[str], *, directory: Path | None) -> int:
    """Write a certificate for `hosts`, and print how to serve with it and have it trusted.

    An authority that is in `directory` already signs it, so that clients need nothing new. Raises
    `ConfigError` when the directory can't be written, or the library is not installed.
    """
    found = settings()
    place = directory.absolute() if directory is not None else found.state.certificates
    if directory is None:
        found.state.prepare()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(place)
        until = datetime.now(UTC) + timedelta(days=_DAYS)
        made = _issued(authority, hosts, until)
        _keep_secret(place / "server.key", made.private_key_pem.bytes())
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        small_files.write_text(place / "server.pem", chain.decode("ascii"))
    except OSError as error:
        raise ConfigError(
            f"the certificate can't be written to {str(place)!r}: {error.strerror}; give another "
            "place with --directory"
        ) from error
    print(_told(hosts, place, until))
    return 0


def _authority(place: Path) -> "trustme.CA":
    """Return the authority in `place`, which is made where there is none."""
    try:
        import trustme
    except ImportError:
        raise ConfigError(
            "certificates are made by the library trustme, which is not installed; install it "
            "beside deploy-project, as its extra `tls` does"
        ) from None
    public, private = place / "authority.pem", place / "authority.key"
    if public.exists():
        try:
            return trustme.CA.from_pem(public.read_bytes(), private.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"the authority in {str(place)!r} can't be used: {error}; put both of its files "
                "back, or delete them to have a new one made, which clients then need"
            ) from error
    made = trustme.CA(organization_name=_NAME, organization_unit_name="private authority")
    _keep_secret(private, made.private_key_pem.bytes())
    small_files.write_text(public, made.cert_pem.bytes().decode("ascii"))
    return made


def _issued(authority: "trustme.CA", hosts: Sequence[str], until: datetime) -> "trustme.LeafCert":
    try:
        return authority.issue_cert(*hosts, organization_name=_NAME, not_after=until)
    except ValueError as error:
        raise ConfigError(
            f"a certificate can't be made for {', '.join(hosts)}: {error}; write names such as "
            "dbt.example.com, or addresses such as 10.0.0.7"
        ) from error


def _keep_secret(file: Path, content: bytes) -> None:
    with small_files.replacing(file) as beside:
        beside.chmod(0o600)
        beside.write_bytes(content)


def _told(hosts: Sequence[str], place: Path, until: datetime) -> str:
    shown = os.path.relpath(place)
    place = place if shown.startswith("..") else Path(shown)
    return f"""\
A certificate for {", ".join(hosts)} until {until:%Y-%m-%d}. Serve with it:
  deploy-project serve --host 0.0.0.0 --certificate {place}/server.pem --key {place}/server.key

Clients trust it by {place}/authority.pem; authority.key stays here. On their machines:
  cat "$(python -m certifi)" authority.pem > bundle.pem   # the usual authorities, and this one
  export REQUESTS_CA_BUNDLE=$PWD/bundle.pem               # Python's requests: Airflow, dbtc
  export SSL_CERT_FILE=$PWD/bundle.pem                    # httpx, urllib, Go, Ruby; curl --cacert
Before {until:%Y-%m-%d}, make the next one by the same command; clients need nothing new."""


def act(given: Namespace) -> int:
    """Carry out `certificate` as it was given on the command line; return the exit code."""
    return certificate(given.hosts, directory=given.directory)
