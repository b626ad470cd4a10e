"""The demo campaign: an open letter for Internet access in prison, its legal notice, a simulation of its first day.

`CAMPAIGN_FILE` is read by `petition petitions create`, `NOTICE_FILE` by `petition petitions notice`;
`petition.demo.runner` signs and confirms over HTTP.
"""

from pathlib import Path

CAMPAIGN_FILE: Path = Path(__file__).with_name("internet-en-prison.md")
NOTICE_FILE: Path = Path(__file__).with_name("legal-notice.md")
