"""Signers at a steady rate: they sign, open the link of their email and confirm, with retries."""

import http.client
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from support.faults.model import Model

SLUG = "internet-en-prison"
OPEN_TIMEOUT_SECONDS = 90  # for a person to open or confirm, with retries
MAX_SIGN_ATTEMPTS = 6
DOMAINS = ("example.org", "example.net", "example.com")  # several providers', as people have
RETRYABLE_STATUSES = {502, 503, 504}  # allowed while a process or service is down; 500 is always a defect


class SignerLoad:
    """Signers at a rate, each from another network and with another address; two of three confirm."""

    def __init__(self, site, mail_server, label, rate):
        self.site, self.mail_server, self.label, self.rate = site, mail_server, label, rate
        self.model = Model()
        self._signing, self._reading = threading.Event(), threading.Event()
        self._read = len(mail_server.accepted)
        self._opened, self._open = set(), 0
        self._signers, self._readers = ThreadPoolExecutor(24), ThreadPoolExecutor(12)
        self._threads = [threading.Thread(target=self._sign_all), threading.Thread(target=self._read_mail)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop_signing()
        self._reading.set()
        self._threads[1].join()
        self._readers.shutdown(cancel_futures=True)

    def stop_signing(self):
        """Start no more signatures, and wait for those under way."""
        self._signing.set()
        if self._threads[0].is_alive():
            self._threads[0].join()
        self._signers.shutdown()

    def is_idle(self):
        """Return whether everybody got an email and has finished with it."""
        return not self.model.missing() and self._open == 0

    def _sign_all(self):
        number = 0
        while not self._signing.wait(1 / self.rate):
            if self._signers._work_queue.qsize() < 3:  # a site that hangs gets a bounded number of requests
                self._signers.submit(self._sign, number)
                number += 1

    def _sign(self, number):
        address = f"{self.label}-{number}@{DOMAINS[number % len(DOMAINS)]}"
        self.model.note(self.model.tried, address)
        for _ in range(MAX_SIGN_ATTEMPTS):
            if number % 2:
                body = {"name": "Inès Caron", "email": address, "updates": True}
                answer = self._ask("sign", "POST", f"/api/v1/petitions/{SLUG}/signatures", number, body=body)
            else:
                form = {"name": "Inès Caron", "email": address, "updates": "1"}
                answer = self._ask("sign", "POST", f"/p/{SLUG}/sign", number, form=form)
            if answer and answer.status in (202, 303):
                self.model.note(self.model.accepted, address)
            if answer or self._signing.wait(1):
                return

    def _ask(self, what, method, path, number, **more):
        """Return an answer; None if there is none, or a retryable one."""
        began = time.monotonic()
        try:
            answer = self.site.request(method, path, network=number, **more)
        except (OSError, http.client.HTTPException) as error:
            self._miss(f"{what}: {getattr(error, 'reason', error)!r}")
            return None
        self.model.slowest = max(self.model.slowest, time.monotonic() - began)
        if answer.status in RETRYABLE_STATUSES:
            self._miss(f"{what}: {answer.status}")
            return None
        if answer.status not in (200, 202, 303):
            self.model.unexpected_answers.append(f"{answer.status} to {what}, request {answer.headers['X-Request-ID']}")
        return answer

    def _miss(self, what):
        with self.model.lock:
            self.model.failed_requests[what] += 1

    def _read_mail(self):
        while not self._reading.wait(0.02):
            taken = self.mail_server.accepted[self._read :]
            self._read += len(taken)
            for address, message in taken:
                # A mailing may reach those who have just confirmed.
                if address.startswith(f"{self.label}-") and not message["List-Unsubscribe"]:
                    self._take(address, message)

    def _take(self, address, message):
        with self.model.lock:
            self.model.mails[address].append(message["Message-ID"])
            if address in self._opened:
                return
            self._opened.add(address)
            self._open += 1
        self._readers.submit(self._follow, address, message)

    def _follow(self, address, message):
        try:
            number = int(address.partition("@")[0].rpartition("-")[2])
            link = re.search(r"(/c/[\w.-]+)", message.get_body(("plain",)).get_content())[1]
            page = self._until_answered("open", "GET", link, number)
            if page and number % 3:
                self.model.note(self.model.posted, address)
                seen = re.search(r'name="seen" value="([^"]+)"', page.text)
                form = {"seen": seen[1] if seen else ""}
                answer = self._until_answered("confirm", "POST", link, number, form=form)
                if answer and answer.status == 303:
                    self.model.note(self.model.confirmed, address)
                    self._until_answered("see one's page", "GET", answer.headers["Location"], number)
        except Exception as error:
            self.model.unexpected_answers.append(repr(error))
        finally:
            with self.model.lock:
                self._open -= 1

    def _until_answered(self, what, method, link, number, **more):
        ends = time.monotonic() + OPEN_TIMEOUT_SECONDS
        while time.monotonic() < ends:
            answer = self._ask(what, method, link, number, **more)
            if answer:
                return answer
            if self._reading.wait(0.5):
                break
        return None
