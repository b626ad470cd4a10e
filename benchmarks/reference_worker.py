"""The worker of the bare loop: takes a number off a Redis list, reads the row and sends its email over smtplib."""

import os
import smtplib
import threading
from email.message import EmailMessage

import psycopg
import redis

THREADS = 4  # as many as the worker of confirmations has


def send_emails() -> None:
    """Send one email after the other over one connection."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    server = smtplib.SMTP("127.0.0.1", int(os.environ["MAIL_PORT"]))
    with psycopg.connect(os.environ["REFERENCE_DATABASE"], autocommit=True) as database:
        while True:
            _, number = client.brpop("reference-emails")
            name, address = database.execute(
                "SELECT name, email FROM reference WHERE id = %s", (int(number),)
            ).fetchone()
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = "petition@example.org", address, "Confirm"
            message.set_content(f"Hello {name},\n\nhttp://localhost/c/{int(number)}\n")
            server.send_message(message)


if __name__ == "__main__":
    for _ in range(THREADS):
        threading.Thread(target=send_emails).start()
