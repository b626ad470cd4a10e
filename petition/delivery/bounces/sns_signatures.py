"""Verify messages of Amazon SNS, and confirm a subscription that it asks us to confirm.

By docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html: the certificate comes by verified HTTPS from
the topic's own region at Amazon, is valid today, and the topic is ours. The file holds no intermediate certificates, so
that its place is what proves that it is Amazon's.
"""

import base64
import binascii
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache
from cryptography import x509
from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from petition.core import clock

TIMEOUT_SECONDS = 5
MAX_CERTIFICATE_BYTES = 16 * 1024
CACHE_SECONDS = 3600
SNS_HOST = r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d{1,2})\.amazonaws\.com(?:\.cn)?/"
CERTIFICATE_URL_PATTERN = re.compile(SNS_HOST + r"SimpleNotificationService-[0-9a-f]{32}\.pem", re.ASCII)
SUBSCRIBE_URL_PATTERN = re.compile(SNS_HOST + r"\?Action=ConfirmSubscription&[A-Za-z0-9=&:%._-]{1,2000}", re.ASCII)
TOPIC_PATTERN = re.compile(r"arn:aws(?:-[a-z]+)*:sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII)
# What is signed, in this order, by type; a missing Subject is left out.
NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED_FIELDS = {
    "Notification": NOTIFICATION_FIELDS,
    "SubscriptionConfirmation": CONFIRMATION_FIELDS,
    "UnsubscribeConfirmation": CONFIRMATION_FIELDS,
}
HASHES = {"1": hashes.SHA1, "2": hashes.SHA256}  # by SignatureVersion

_certificates: TTLCache[str, x509.Certificate] = TTLCache(20, CACHE_SECONDS)
_lock = threading.Lock()


class InvalidSignature(Exception):
    """A message that Amazon SNS did not sign for our topic; says why, for the log."""


class AmazonUnreachable(Exception):
    """Amazon did not answer: the message can be checked, or the subscription confirmed, when it is sent again."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any) -> None:
        """Refuse redirects: only the address that was checked is asked."""


def fetch(url: str) -> bytes:
    """Return what a checked address at Amazon answers, at most `MAX_CERTIFICATE_BYTES`. Raises `AmazonUnreachable`."""
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MAX_CERTIFICATE_BYTES)
    except (OSError, urllib.error.URLError) as error:
        raise AmazonUnreachable(type(error).__name__) from None
    return content


def verify(message: dict[str, Any], topics: list[str], read: Callable[[str], bytes] | None = None) -> bytes:
    """Return the text that Amazon signed. Raises `InvalidSignature`, or `AmazonUnreachable` without the certificate.

    `topics`: the topics whose messages are accepted; all if empty. `read`: in place of `fetch`.
    """
    fields = SIGNED_FIELDS.get(str(message.get("Type")))
    if fields is None:
        raise InvalidSignature("unknown type")
    values = {name: message[name] for name in fields if message.get(name) is not None}
    if not all(isinstance(value, str) for value in values.values()) or not {*fields} - {"Subject"} <= {*values}:
        raise InvalidSignature("missing field")
    topic = TOPIC_PATTERN.fullmatch(values["TopicArn"])
    if topic is None or (topics and values["TopicArn"] not in topics):
        raise InvalidSignature("another topic")
    url = CERTIFICATE_URL_PATTERN.fullmatch(str(message.get("SigningCertURL")))
    if url is None or url["region"] != topic["region"]:
        raise InvalidSignature("certificate from elsewhere")
    algorithm = HASHES.get(str(message.get("SignatureVersion")))
    if algorithm is None:
        raise InvalidSignature("unknown version")
    signed = "".join(f"{name}\n{values[name]}\n" for name in fields if name in values).encode("utf-8", "replace")
    try:
        signature = base64.b64decode(str(message.get("Signature")), validate=True)
        _public_key(url[0], read or fetch).verify(signature, signed, padding.PKCS1v15(), algorithm())
    except (binascii.Error, ValueError, WrongSignature):
        raise InvalidSignature("wrong signature") from None
    return signed


def _public_key(url: str, read: Callable[[str], bytes]) -> rsa.RSAPublicKey:
    with _lock:
        certificate = _certificates.get(url)
    if certificate is None:
        try:
            certificate = x509.load_pem_x509_certificate(read(url))
            key = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise InvalidSignature("not a certificate") from None
        names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if not names or not names[0].endswith((".amazonaws.com", ".amazonaws.com.cn")):
            raise InvalidSignature("not Amazon's certificate")
        if not isinstance(key, rsa.RSAPublicKey):
            raise InvalidSignature("not an RSA key")
        with _lock:
            _certificates[url] = certificate
    if not certificate.not_valid_before_utc <= clock.now() <= certificate.not_valid_after_utc:
        raise InvalidSignature("certificate not valid today")
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)  # checked before it was cached
    return key


def confirm_subscription(message: dict[str, Any], read: Callable[[str], bytes] | None = None) -> bool:
    """Confirm a verified `SubscriptionConfirmation`, and return whether its address is one of Amazon's.

    Raises `AmazonUnreachable`.
    """
    url = str(message.get("SubscribeURL"))
    match, topic = SUBSCRIBE_URL_PATTERN.fullmatch(url), TOPIC_PATTERN.fullmatch(str(message.get("TopicArn")))
    if match is None or topic is None or match["region"] != topic["region"]:
        return False
    (read or fetch)(url)
    return True
