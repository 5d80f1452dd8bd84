"""Who we are to Google, and where: the credentials of a file or of the machine, and the client that bears them."""

from __future__ import annotations

from pathlib import Path

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import bigquery
from google.oauth2 import service_account

from storage.bigquery.errors import CREDENTIALS
from storage.bigquery.place import Place
from storage.errors import WarehouseRefused

SCOPES = ("https://www.googleapis.com/auth/bigquery",)


def credentials_for(place: Place) -> Credentials:
    """Reads the file, or looks where Google's libraries look; asks Google nothing yet.

    Raises:
        WarehouseRefused: there are none, or the file is not what it should be. What is in it is not repeated.
    """
    if place.credentials is not None:
        return _from_file(place.credentials)
    if place.api_url is not None:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    try:
        found: Credentials = google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError:
        raise WarehouseRefused(f"there are no credentials for Google on this machine: {CREDENTIALS}") from None
    return found


def connect(place: Place, credentials: Credentials) -> bigquery.Client:
    options = ClientOptions(api_endpoint=place.api_url) if place.api_url is not None else None
    return bigquery.Client(
        project=place.project, credentials=credentials, location=place.location, client_options=options
    )


def _from_file(path: Path) -> Credentials:
    try:
        account: Credentials = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
            path, scopes=SCOPES
        )
    except OSError as error:
        why = f"{path} cannot be read ({error.strerror})"
    except (ValueError, KeyError, GoogleAuthError):
        why = f"{path} is no service-account file"
    else:
        return account
    raise WarehouseRefused(f"INDIEAN_BIGQUERY_CREDENTIALS: {why}; make a key in the console of Google Cloud")
