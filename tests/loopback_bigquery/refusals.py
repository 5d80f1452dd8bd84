"""How BigQuery says no: one exception, which becomes a body of Google's shape or the error of a job."""

from __future__ import annotations

from http import HTTPStatus

STATUS = {
    "accessDenied": HTTPStatus.FORBIDDEN,
    "authError": HTTPStatus.UNAUTHORIZED,
    "backendError": HTTPStatus.SERVICE_UNAVAILABLE,
    "billingNotEnabled": HTTPStatus.FORBIDDEN,
    "bytesBilledLimitExceeded": HTTPStatus.BAD_REQUEST,
    "duplicate": HTTPStatus.CONFLICT,
    "internalError": HTTPStatus.INTERNAL_SERVER_ERROR,
    "invalid": HTTPStatus.BAD_REQUEST,
    "invalidQuery": HTTPStatus.BAD_REQUEST,
    "notFound": HTTPStatus.NOT_FOUND,
    "notImplemented": HTTPStatus.NOT_IMPLEMENTED,
    "quotaExceeded": HTTPStatus.FORBIDDEN,
    "rateLimitExceeded": HTTPStatus.FORBIDDEN,
    "resourceInUse": HTTPStatus.BAD_REQUEST,
    "resourcesExceeded": HTTPStatus.BAD_REQUEST,
}
"""https://cloud.google.com/bigquery/docs/error-messages"""


class Refused(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = STATUS[reason]

    def proto(self) -> dict[str, object]:
        """As it stands in the status of a job."""
        return {"reason": self.reason, "location": "query", "message": self.message}

    def body(self) -> dict[str, object]:
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": int(self.status), "message": self.message, "errors": [error]}}


def invalid_query(message: str) -> Refused:
    return Refused("invalidQuery", message)


def no_table(project: str, dataset: str, table: str) -> Refused:
    return Refused("notFound", f"Not found: Table {project}:{dataset}.{table} was not found in location US")
