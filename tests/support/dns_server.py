"""An authoritative DNS server on loopback, whose zone is data: (name, type) → records."""

import socket
import threading
from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Sequence[str]]  # "name TYPE" → texts of the records; "SILENT" and "SERVFAIL" are not answered
TTL = 60
MAX_CNAMES = 8


class DnsServer:
    """Answers over UDP what `zone` holds, follows CNAMEs within it, and says NXDOMAIN of everything else."""

    def __init__(self) -> None:
        self.zone: Zone = {}
        self.questions: list[str] = []

    def start(self) -> "DnsServer":
        """Listen on a free port."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wakeup:
            wakeup.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(4096)
            if not wire:
                return
            try:
                answer = self._answer(dns.message.from_wire(wire))
            except dns.exception.DNSException:
                continue
            if answer is not None:
                self._socket.sendto(answer.to_wire(max_size=4096), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.questions.append(f"{name} {kind}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        for _ in range(MAX_CNAMES):
            target = self.zone.get(f"{name} CNAME")
            if not target:
                break
            answer.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", "CNAME", target[0]))
            name = target[0].rstrip(".")
        records = self.zone.get(f"{name} {kind}", ())
        if records == "SILENT":
            return None
        if records == "SERVFAIL":
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        if records:
            texts = [quote(each) if kind == "TXT" else each for each in records]
            answer.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", kind, *texts))
        elif not answer.answer and not any(key.split()[0] == name for key in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def quote(text: str) -> str:
    """Return a TXT record in strings of at most 255 bytes (RFC 1035, 3.3)."""
    return " ".join(f'"{text[start : start + 250]}"' for start in range(0, len(text) or 1, 250))
