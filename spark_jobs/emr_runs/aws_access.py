"""The way to AWS: clients of one region, and what AWS refuses in one line. Credentials come from boto3's own chain only."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from schemas.job_entry import InputError
from schemas.locations import StoreUnreachableError

Answer = TypeVar("Answer")
NOT_THERE = ("404", "NoSuchKey", "NoSuchBucket", "NotFound", "NoSuchEntity", "ResourceNotFoundException")
_DENIED = ("403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden")
_BAD_KEYS = (
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
)
_PASSING = ("SlowDown", "ServiceUnavailable", "InternalError", "InternalFailure", "Throttling", "ThrottlingException")
_CHAIN = "wanted boto3's own chain to find some: AWS_PROFILE, aws sso login, environment, or an instance role"


@dataclass(frozen=True)
class AwsAccess:
    """One region, and addresses of services where they are not AWS's own; ``endpoints["*"]`` stands for all services."""

    region: str
    endpoints: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session(region_name=self.region)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        """A client of ``emr``, ``emr-serverless``, ``s3``, ``iam`` or ``sts``, made once."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        from botocore.config import Config

        # A request that starts a cluster is sent once: a second one after a silence would start, and cost, a second cluster.
        attempts = {"total_max_attempts": 1 if service == "emr" else 4, "mode": "standard"}
        config = Config(retries=attempts, connect_timeout=5, read_timeout=60)
        endpoint = self.endpoints.get(service, self.endpoints.get("*"))
        return asked(service, lambda: self._session.client(service, endpoint_url=endpoint, config=config))


def refuse_without_boto3() -> None:
    """InputError where this installation has no boto3: only those who submit need it."""
    if importlib.util.find_spec("boto3") is None:
        raise InputError("the package 'boto3' is not installed here; try: pip install 'darkhaloscope[spark,emr]'")


class AbsentError(InputError):
    """What was asked for is not there."""


def asked(what: str, question: Callable[[], Answer]) -> Answer:
    """What AWS answers; InputError, or StoreUnreachableError, in one line that begins with ``what`` where it refuses."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        return question()
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError) as error:
        raise InputError(f"{what}: no AWS credentials were found; {_CHAIN}") from error
    except (exceptions.ProfileNotFound, exceptions.UnauthorizedSSOTokenError, exceptions.CredentialRetrievalError) as error:
        raise InputError(f"{what}: AWS credentials cannot be used ({_one_line(error)}); {_CHAIN}") from error
    except exceptions.ParamValidationError as error:
        raise InputError(f"{what}: AWS would not take this request: {_one_line(error)}") from error
    except ResponseParserError as error:
        raise StoreUnreachableError(f"{what}: AWS cannot be reached: what answers there is no service of AWS") from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise StoreUnreachableError(f"{what}: AWS cannot be reached ({_one_line(error)})") from error
    except exceptions.ClientError as error:
        raise _refusal(what, error) from error
    except exceptions.BotoCoreError as error:
        raise InputError(f"{what}: {_one_line(error)}") from error


def asked_each(what: str, pages: Iterable[Answer]) -> Iterator[Answer]:
    """The pages of an answer, each asked for as ``asked`` does."""
    iterator = iter(pages)
    while (page := asked(what, lambda: next(iterator, None))) is not None:
        yield page


def _refusal(what: str, error: Any) -> Exception:
    code, status = error.response["Error"].get("Code", ""), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in NOT_THERE:
        return AbsentError(f"{what}: it is not there ({code})")
    if code in _DENIED:
        return InputError(
            f"{what}: access denied to {error.operation_name}; wanted a caller whose policy allows it "
            "(deploy/emr/iam/submitter.json)"
        )
    if code in _BAD_KEYS:
        return InputError(f"{what}: AWS does not take these credentials ({code}); {_CHAIN}")
    if code in _PASSING or status >= 500:
        return StoreUnreachableError(f"{what}: AWS cannot answer {error.operation_name} for now ({code})")
    return InputError(
        f"{what}: AWS refuses {error.operation_name}: {code}: {_one_line(error.response['Error'].get('Message', ''))}"
    )


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
