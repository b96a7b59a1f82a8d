"""How a finished file goes up to S3, by AWS's own client: in one PUT, or in parts that become an object with the last request.

Until then nothing stands under the name. What fails is sent again a few times, longer apart each time; an upload in parts that
fails for good is aborted. pyarrow is not used for it: closing one of its streams makes an object of what was written so far,
and it sets no encryption. boto3 is imported where something is written: those who only read do not need it.

``DHS_S3_ENCRYPTION`` is what each object asks for: ``AES256``, ``aws:kms``, or ``aws:kms:`` and the key's name; without it the
bucket's own rule holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from schemas.locations import ClientSettings, LocationError, S3Location, client_settings, refusal

ENCRYPTION = "DHS_S3_ENCRYPTION"
PART_BYTES = 64 << 20
"""Larger files go up in parts of this size, one after another: a worker beside it sends its own."""
_CODES = {
    "AccessDenied": "ACCESS_DENIED",
    "InvalidAccessKeyId": "ACCESS_DENIED",
    "SignatureDoesNotMatch": "ACCESS_DENIED",
    "ExpiredToken": "ACCESS_DENIED",
    "403": "ACCESS_DENIED",
    "NoSuchBucket": "NO_SUCH_BUCKET",
    "NoSuchKey": "NO_SUCH_KEY",
    "SlowDown": "SLOW_DOWN",
    "RequestTimeout": "REQUEST_TIMEOUT",
    "Throttling": "THROTTLING",
}
_AT_ONCE = 1000  # keys of one DeleteObjects


def ready(place: S3Location) -> None:
    """Raise LocationError for what ``upload`` meets before it sends: no boto3, no region, no such encryption."""
    _encryption()
    _client(place)


def upload(path: Path, place: S3Location) -> None:
    """Make the bytes of a file the object, whole or not at all; raises LocationError where S3 does not take them."""
    asked_for = _encryption()
    client = _client(place)
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(multipart_threshold=PART_BYTES + 1, multipart_chunksize=PART_BYTES, use_threads=False)
    with _told(place):
        client.upload_file(str(path), place.bucket, place.key, ExtraArgs=asked_for, Config=config)


def abort_uploads(directory: S3Location) -> int:
    """Abort the uploads in parts that killed processes left below a prefix that nobody writes to; how many there were.

    Where the caller may not list them, they are left to the bucket's lifecycle rule.
    """
    client, count = _client(directory), 0
    with _told(directory):
        try:
            pages = client.get_paginator("list_multipart_uploads").paginate(
                Bucket=directory.bucket, Prefix=f"{directory.key}/" if directory.key else ""
            )
            left = [upload for page in pages for upload in page.get("Uploads", [])]
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                return 0
            raise
        for one in left:
            client.abort_multipart_upload(Bucket=directory.bucket, Key=one["Key"], UploadId=one["UploadId"])
            count += 1
    return count


def delete_objects(places: list[S3Location]) -> None:
    """Delete objects of one bucket; raises LocationError where S3 refuses any."""
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        with _told(some[0]):
            keys = [{"Key": place.key} for place in some]
            answer = _client(some[0]).delete_objects(Bucket=some[0].bucket, Delete={"Objects": keys, "Quiet": True})
        for error in answer.get("Errors", []):
            raise refusal(f"s3://{some[0].bucket}/{error['Key']}", _CODES.get(error["Code"], error["Code"]), error["Message"])


def _encryption() -> dict[str, str]:
    """What each PUT asks for, from the environment."""
    asked_for = os.environ.get(ENCRYPTION, "")
    kind, _, key = asked_for.removeprefix("aws:").partition(":")
    if not asked_for:
        return {}
    if asked_for == "AES256":
        return {"ServerSideEncryption": "AES256"}
    if asked_for.startswith("aws:") and kind == "kms" and (key or not asked_for.endswith(":")):
        return {"ServerSideEncryption": "aws:kms"} | ({"SSEKMSKeyId": key} if key else {})
    raise LocationError(f"{ENCRYPTION} is {asked_for!r}; wanted AES256, aws:kms, or aws:kms:KEY")


def _client(place: S3Location) -> Any:
    return _client_of(client_settings(place.bucket))


@lru_cache
def _client_of(settings: ClientSettings) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise LocationError("writing to s3:// needs the package 'boto3'; try: pip install 'darkhaloscope[emr]'") from error
    config = Config(
        retries={"total_max_attempts": settings.attempts, "mode": "standard"},
        connect_timeout=settings.connect_seconds,
        read_timeout=settings.silence_seconds,
    )
    where: dict[str, Any] = {"region_name": settings.region, "endpoint_url": settings.endpoint or None}
    return boto3.session.Session().client("s3", config=config, **where)


@contextmanager
def _told(place: S3Location) -> Iterator[None]:
    """What boto3 raises as LocationError, in one line that names the place."""
    from boto3.exceptions import S3UploadFailedError
    from botocore import exceptions

    try:
        yield
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise refusal(place, "NETWORK_CONNECTION", error) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError) as error:
        raise refusal(place, "ACCESS_DENIED", error) from error
    except S3UploadFailedError as error:
        if not isinstance(error.__context__, exceptions.ClientError):
            raise refusal(place, "", error) from error
        raise _refused(place, error.__context__) from error
    except exceptions.ClientError as error:
        raise _refused(place, error) from error


def _refused(place: S3Location, error: Any) -> LocationError:
    code, status = error.response["Error"].get("Code", ""), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind = _CODES.get(code, "SERVICE_UNAVAILABLE" if status >= 500 else code)
    return refusal(place, kind, error)
