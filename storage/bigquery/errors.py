"""Google's errors become ours here, each a sentence that says what to do; a wrong statement is a bug and passes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import TimeoutError as JobTimeout
from contextlib import contextmanager

from google.api_core.exceptions import GoogleAPICallError, NotFound, RetryError, ServerError, TooManyRequests
from google.auth.exceptions import GoogleAuthError, TransportError
from requests.exceptions import RequestException

from storage.errors import WarehouseBusy, WarehouseError, WarehouseRefused

ROLES = "give its account the roles that docs/warehouse.md lists"
CREDENTIALS = (
    "point INDIEAN_BIGQUERY_CREDENTIALS at a service-account file, or run `gcloud auth application-default login`"
)

REFUSALS = {
    "accessDenied": f"BigQuery does not let us do this: {ROLES}",
    "authError": f"Google does not take the credentials: {CREDENTIALS}",
    "billingNotEnabled": "the Google Cloud project has no billing, and rows are to change: enable it in the console",
    "billingTierLimitExceeded": "a query needs more computing than BigQuery gives on demand: raise INDIEAN_MIN_PLAYERS",
    "bytesBilledLimitExceeded": "a query would read more than INDIEAN_BIGQUERY_MAX_BYTES_BILLED allows: raise it",
    "quotaExceeded": "a quota of the project is used up: try again tomorrow, or ask for more in the console",
    "resourcesExceeded": "a query needs more memory than BigQuery has for it: raise INDIEAN_MIN_PLAYERS",
}
"""By BigQuery's reasons: https://cloud.google.com/bigquery/docs/error-messages"""
PASSING = frozenset({"backendError", "internalError", "rateLimitExceeded", "tableUnavailable", "resourceInUse"})
UNAUTHORIZED = 401
CONCURRENT = "concurrent update"
"""Stands in what BigQuery says to the later of two transactions that change one table."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """`place` names the warehouse for people, as project.dataset.

    Raises:
        WarehouseRefused: no credentials or wrong ones, no rights, no quota, more bytes than may be billed.
        WarehouseBusy: another transaction was first, or BigQuery is away.
        WarehouseError: the dataset or a table of it is gone.
    """
    try:
        yield
    except RetryError as error:
        raise _ours(place, error.cause if isinstance(error.cause, GoogleAPICallError) else error) from error
    except GoogleAPICallError as error:
        ours = _ours(place, error)
        if ours is error:
            raise
        raise ours from error
    except TransportError as error:
        raise _away(place) from error
    except GoogleAuthError:
        raise WarehouseRefused(f"the warehouse {place}: {REFUSALS['authError']}") from None  # it may tell of the key
    except (RequestException, JobTimeout, ConnectionError) as error:
        raise _away(place) from error


def reason_of(error: BaseException) -> str:
    """BigQuery's word for what is wrong, "" where there is none."""
    if isinstance(error, GoogleAPICallError):
        for found in error.errors or ():
            if isinstance(found, dict) and found.get("reason"):
                return str(found["reason"])
        if error.code == UNAUTHORIZED:
            return "authError"
    return ""


def _ours(place: str, error: Exception) -> Exception:
    reason = reason_of(error)
    if reason in REFUSALS:
        return WarehouseRefused(f"the warehouse {place}: {REFUSALS[reason]}")
    if CONCURRENT in str(error):
        return WarehouseBusy(f"another load is changing the warehouse {place}: try again when it is done")
    if isinstance(error, NotFound):
        why = "the dataset or a table of it is not there, or not in INDIEAN_BIGQUERY_LOCATION"
        return WarehouseError(f"the warehouse {place}: {why}")
    if reason in PASSING or isinstance(error, (RetryError, ServerError, TooManyRequests)):
        return _away(place)
    return error


def _away(place: str) -> WarehouseBusy:
    return WarehouseBusy(f"BigQuery does not answer for the warehouse {place}: try again in some minutes")
