"""Enhanced status codes and three-digit codes, as data: what they mean where the words of a reply say nothing.

Sources: RFC 3463 and the registry "SMTP Enhanced Status Codes" of IANA; RFC 7504 (521, 556), RFC 7505 (null MX),
RFC 7372 (authentication); Microsoft, "NDR error codes in Exchange Online" (learn.microsoft.com); Google Workspace
Admin Help, "Gmail SMTP errors and codes".
"""

# By subject and detail, whatever the level.
STATUSES = {
    "1.1": "no_mailbox",
    "1.2": "no_domain",
    "1.3": "no_mailbox",  # its syntax is refused: no email can ever arrive
    "1.6": "no_mailbox",  # has moved, no forwarding address
    "1.7": "policy",  # about the sender's address
    "1.8": "policy",
    "1.10": "no_mailbox",  # Exchange: recipient not found; IANA: null MX. Either way no email can arrive
    "2.1": "mailbox_disabled",
    "2.2": "mailbox_full",
    "2.3": "content",  # message too long for this mailbox
    "3.1": "temporary",  # the system's storage, not the mailbox's
    "3.2": "temporary",
    "3.4": "content",
    "4.1": "temporary",
    "4.2": "temporary",
    "4.3": "temporary",
    "4.4": "no_domain",
    "4.5": "temporary",
    "4.6": "temporary",
    "4.7": "temporary",  # delivery time expired
    "4.14": "temporary",  # Exchange: loop
    "4.300": "temporary",  # Exchange: message expired
    "4.310": "no_domain",  # Exchange: DNS domain does not exist
    "4.316": "temporary",
    "5.3": "rate",
    "7.5": "authentication",
    "7.7": "authentication",
    "7.8": "authentication",
    "7.9": "authentication",
    "7.20": "authentication",  # RFC 7372: DKIM
    "7.21": "authentication",
    "7.22": "authentication",
    "7.23": "authentication",  # SPF
    "7.24": "authentication",
    "7.25": "authentication",  # reverse DNS
    "7.26": "authentication",  # several checks failed
    "7.27": "authentication",  # the sender's domain has a null MX
    "7.28": "rate",  # IANA: mail flood
    "7.30": "authentication",
    "7.32": "authentication",
    "7.509": "authentication",  # Exchange: DMARC
    "7.511": "reputation",  # Exchange: banned sender
    "7.515": "authentication",  # Outlook.com: authentication of bulk senders
    "7.606": "reputation",  # Exchange: 5.7.606 to 649, banned IP address
    "7.703": "reputation",
    "7.708": "reputation",
}
# By subject alone.
SUBJECTS = {"3": "temporary", "4": "temporary", "6": "content", "7": "policy"}

# Codes and statuses that may accompany "no such mailbox". 552 (storage) and subject 7 (policy) contradict it.
CODES_OF_A_MAILBOX = frozenset((501, 511, 513, 550, 551, 553, 554))
STATUSES_OF_A_MAILBOX = frozenset((
    "0.0", "0.1", "1.0", "1.1", "1.3", "1.6", "1.10", "2.0", "2.1", "3.0", "4.0", "4.1", "4.316", "5.0", "5.1",
))  # fmt: skip
